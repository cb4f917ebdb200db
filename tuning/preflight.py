"""What is checked before the first trial starts, so that it is said once and not by every trial."""

from __future__ import annotations

import dataclasses

from optuna.distributions import CategoricalDistribution

from data_prep.store.store import Store
from data_prep.task import Task
from trainable import device, official
from trainable.config import NO_FILE, NO_WEIGHTS, Model
from trainable.network.model import build
from tuning.plan.plan import Plan
from tuning.storage import home


def check(plan: Plan, store: Store, *, local: bool) -> None:
    """Check what every trial would fail of otherwise.

    Raises:
        StoreError: no train or no val photo of the store has all labels of its task.
        UriError: --runs is an address that cannot be written.
        OptionError: the disk cannot be written, or has less room than the search may need.
        WeightsError: the weights cannot be had; they are fetched here, once, before trials need them.
        DeviceError: this machine's GPU has no kernels in this torch build (`local`: the trials run here).
    """
    official.check_labelled(store)
    home.of(plan).probe(plan)
    if local and plan.resources.gpus:
        device.choose()
    for model in models(plan):
        if model.weights != NO_WEIGHTS:  # from scratch nothing can fail, and to build takes three seconds of imports
            build(model, store.task.classes)


def check_files(plan: Plan, task: Task) -> None:
    """Check what can be checked of files of weights without fetching anything: a dry run does no more.

    Raises:
        WeightsError: one is missing, cannot be read, or is of another network.
    """
    for model in models(plan):
        if model.weights not in NO_FILE:
            build(model, task.classes)


def models(plan: Plan) -> list[Model]:
    """Every network that a trial of the search may train."""
    model = plan.config(plan.space.start[0]).model
    arch = plan.space.distributions.get("model/arch")
    archs = arch.choices if isinstance(arch, CategoricalDistribution) else [model.arch]
    return [dataclasses.replace(model, arch=str(arch)) for arch in archs]
