"""What is checked before the first trial starts, so that it is said once and not by every trial."""

from __future__ import annotations

from data_prep.store import Store
from trainable import device
from trainable.batches import crop_in_store
from trainable.model import build
from tuning.plan import Plan


def check(plan: Plan, store: Store, *, local: bool) -> None:
    """Raises:
    ConfigError: a starting point's crop is larger than the photo.
    WeightsError: the weights cannot be had; they are fetched here, once, before trials need them.
    DeviceError: this machine's GPU has no kernels in this torch build (`local`: the trials run here).
    """
    configs = [plan.config(point) for point in plan.space.start]
    for config in configs:
        crop_in_store(config.crop, store)
    if local and plan.resources.gpus:
        device.choose()
    build(configs[0].model)
