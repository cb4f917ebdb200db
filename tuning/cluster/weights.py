"""ImageNet's weights: fetched once by the searching machine, and read by all nodes."""

from __future__ import annotations

from trainable.network.model import imagenet_file
from tuning import preflight
from tuning.plan.plan import Plan
from tuning.storage import home

HUB = ".torch"
"""Among the searches, what torch hub fetched."""


def share_weights(plan: Plan) -> None:
    """Put the weights that trials start from beside the searches, where every node finds them: fetched once, here.

    Raises:
        WeightsError: they cannot be fetched. UriError: they cannot be written.
    """
    for model in preflight.models(plan):
        if model.weights == "imagenet":
            file = imagenet_file(model.arch)
            home.of(plan).share(file, f"{HUB}/checkpoints/{file.name}")
