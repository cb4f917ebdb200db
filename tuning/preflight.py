"""What is checked before the first trial starts, so that it is said once and not by every trial."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile

from optuna.distributions import CategoricalDistribution, IntDistribution

from common import uris
from common.errors import OptionError
from data_prep.store.store import Store
from trainable import device, official
from trainable.config import Crop, Model
from trainable.network.model import build
from trainable.photos.preprocessing import crop_in_store
from tuning.plan import disk_need
from tuning.plan.plan import Plan
from tuning.storage import mirror


def check(plan: Plan, store: Store, *, local: bool) -> None:
    """Raises:
    StoreError: no train or no val photo of the store has all three labels.
    ConfigError: a crop that the space allows is larger than the photo.
    AddressError: --runs is an address that cannot be written.
    OptionError: the disk cannot be written, or has less room than the search may need.
    WeightsError: the weights cannot be had; they are fetched here, once, before trials need them.
    DeviceError: this machine's GPU has no kernels in this torch build (`local`: the trials run here).
    """
    official.check_labelled(store)
    crop_in_store(_largest_crop(plan), store)
    if plan.remote:
        mirror.probe(uris.parent(plan.remote))
    else:
        _check_disk(plan)
    if local and plan.resources.gpus:
        device.choose()
    for model in models(plan):
        build(model)


def models(plan: Plan) -> list[Model]:
    """Every network that a trial of the search may train."""
    model = plan.config(plan.space.start[0]).model
    arch = plan.space.distributions.get("model/arch")
    archs = arch.choices if isinstance(arch, CategoricalDistribution) else [model.arch]
    return [dataclasses.replace(model, arch=str(arch)) for arch in archs]


def _largest_crop(plan: Plan) -> Crop:
    """What the space's ranges allow at most, or what it fixes."""
    point = dict(plan.space.start[0])
    for key in ("crop/height", "crop/width"):
        distribution = plan.space.distributions.get(key)
        if isinstance(distribution, IntDistribution):
            point[key] = distribution.high
    return plan.config(point).crop


def _check_disk(plan: Plan) -> None:
    place = next(folder for folder in plan.folder.parents if folder.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".masktune-"):
            pass
    except OSError as error:
        raise OptionError(
            f"--runs {plan.folder.parent}: {place} cannot be written ({error.strerror}); choose another folder"
        ) from None
    free = shutil.disk_usage(place).free / 1e9
    if free < disk_need.disk_gb(plan):
        raise OptionError(
            f"--runs {plan.folder.parent}: {disk_need.disk_gb(plan):.1f} GB may be needed, but {free:.1f} GB are free; "
            f"keep the weights of fewer trials (--keep {plan.keep} now), or choose another disk"
        )
