"""Trials for proofs: small ones, in a precision that is asked for, whose steps can be looked at afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from benchmarks import subject
from benchmarks.gpu.part import Setting
from data_prep.store.store import Store
from trainable import device, loop
from trainable.loop import Trial
from trainable.workbench import Workbench

VAL = 32
"""Val photos of a proof that is not about validation."""

LR = 0.002
"""Steps that first weights bear without a warm-up. Ten times as much throws a ResNet50's loss from 7 to 37 first."""
SGD = {"optimizer/name": "sgd", "schedule/max_lr": LR, "schedule/min_lr": LR}


def device_of(setting: Setting) -> torch.device:
    """The device, as deterministic as the process is now."""
    return device.choose(setting.device, torch.are_deterministic_algorithms_enabled())


def trial_on(
    setting: Setting,
    batches: float,
    more: Mapping[str, Any] = MappingProxyType({}),
    *,
    batch: int | None = None,
    val: int = VAL,
    bench: Workbench | None = None,
    network: nn.Module | None = None,
) -> Trial:
    """A trial with SGD.

    Args:
        batches: of train photos that it has; of half a one the last is half as large.
        more: settings by flat key, which win.
        batch: photos of each, `small_batch` unless given.
        val: photos to validate on.
        bench, network: as of Trial.
    """
    batch = batch or small_batch(setting)
    config, photos = setting.config(**{"train/batch_size": batch, **SGD, **more}), round(batches * batch)
    store = _few_of_val(subject.few(setting.store, photos, config), val)
    return Trial(config, store, bench or Workbench(device_of(setting)), network)


def small_batch(setting: Setting) -> int:
    """Photos of a batch where it is not its size that counts; enough for one to be cut in four."""
    return max(8, setting.batch // 4)


@contextmanager
def computing_in(dtype: torch.dtype) -> Iterator[None]:
    """Inside, trials are made and run in `dtype`, whatever they would choose on this device."""

    def chosen(device: torch.device) -> torch.dtype:
        return dtype

    # The loop knows the function by name: it decides by it whether there is a GradScaler.
    with patch.object(device, "amp_dtype", chosen), patch.object(loop, "amp_dtype", chosen):
        yield


def can_bfloat16(device: torch.device) -> bool:
    """Whether trials choose it there: on GPUs from sm_80 on; a CPU computes in it, if slowly."""
    return device.type == "cpu" or torch.cuda.get_device_capability(device) >= (8, 0)


@dataclass(frozen=True)
class Steps:
    """What each step of a trial left: its total loss, and the scale that the next loss is multiplied by, all on the
    device until they are asked for."""

    losses: list[Tensor] = field(default_factory=list)
    scales: list[Tensor] = field(default_factory=list)

    def loss(self) -> npt.NDArray[np.float64]:
        return torch.stack(self.losses).double().cpu().numpy()

    def skipped(self, first_scale: float) -> int:
        """Steps that a GradScaler left out: it makes its scale smaller each time."""
        scales = [first_scale, *map(float, self.scales)]
        return sum(after < before for before, after in pairwise(scales))


def recorded(trial: Trial) -> Steps:
    """What the trial's steps leave from now on."""
    steps, step = Steps(), trial._step

    def and_kept(*arguments: Any) -> Tensor:
        found = step(*arguments)
        steps.losses.append(found[0])
        if trial._scaler.is_enabled() and trial._scaler._scale is not None:
            steps.scales.append(trial._scaler._scale.clone())
        return found

    trial._step = and_kept  # type: ignore[assignment, method-assign]
    return steps


def train_steps(trial: Trial, steps: int) -> None:
    """Epochs without validation, until there have been so many steps.

    Raises DivergedError: a loss was not finite."""
    done = 0
    while done < steps:
        done += -(-trial._train()["train_photos"] // trial.config.train.batch_size)
        trial.epoch += 1


def largest(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> float:
    """The largest absolute difference; NaN where either has one, so that no limit holds for it."""
    return float(np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)).max())


def _few_of_val(store: Store, val: int) -> Store:
    index = store.index.copy()
    index.loc[store.labelled("val")[val:], "split"] = subject.UNUSED
    return Store(store.path, store.meta, index, store._shards)
