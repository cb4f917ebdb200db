"""ImageNet's weights: fetched once by the searching machine, and read by all nodes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from common.remote_folder import RemoteFolder
from common.uris import child, parent, refused
from trainable.network.model import imagenet_file
from tuning import preflight
from tuning.plan.plan import Plan
from tuning.storage import mirror

HUB = ".torch"
"""Among the searches, what torch hub fetched."""


def share_weights(plan: Plan) -> None:
    """Put the weights that trials start from beside the searches, where every node finds them: fetched once, here.

    Raises:
        WeightsError: they cannot be fetched. AddressError: they cannot be written.
    """
    for model in preflight.models(plan):
        if model.weights == "imagenet":
            file = imagenet_file(model.arch)
            if plan.remote:
                _upload(file, parent(plan.remote), f"{HUB}/checkpoints/{file.name}")
            else:
                _copy(file, plan.folder.parent / HUB / "checkpoints" / file.name)


def _copy(file: Path, shared: Path) -> None:
    if shared.exists() and shared.stat().st_size == file.stat().st_size:
        return
    shared.parent.mkdir(parents=True, exist_ok=True)
    partial = shared.with_name(f".{shared.name}.{os.getpid()}.tmp")
    shutil.copyfile(file, partial)
    partial.replace(shared)


def _upload(file: Path, runs: str, name: str) -> None:
    try:
        there = RemoteFolder.of(runs)
        found = there.entry(name)
        if found is None or found.size != file.stat().st_size:
            there.upload(file, name)
    except OSError as error:
        raise refused(runs, error, "written") from None


def hub(plan: Plan) -> str | None:
    """Torch hub's folder of the nodes, or its address, if `share_weights` had something to share.

    Raises:
        AddressError: it cannot be seen.
    """
    if plan.remote:
        runs = parent(plan.remote)
        return child(runs, HUB) if HUB in mirror.names(runs) else None
    folder = plan.folder.parent / HUB
    return str(folder) if folder.exists() else None
