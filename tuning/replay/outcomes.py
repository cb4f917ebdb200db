"""What a search's curves would have come to under another grace and reduction."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from common.errors import OptionError
from common.wording import counted
from tuning.plan.resources import price, unit

if TYPE_CHECKING:  # Ray takes seconds to import: --help should not wait for it
    from tuning.replay.curves import Curve
    from tuning.replay.simulation import Replay


GRACES = (1, 2, 3, 5, 8, 13, 21, 34)
REDUCTIONS = (2, 3, 4)
ORDERS = 50
TOLERATED = 0.005
"""Macro F1 that a setting may lose and still be named as a choice."""


@dataclass(frozen=True)
class Setting:
    """One setting of ASHA. A grace as long as a trial stops none.

    Attributes:
        grace: epochs before a trial may be stopped.
        reduction: of the trials that reach a rung, one in so many goes on.
    """

    grace: int
    reduction: int

    def __str__(self) -> str:
        return f"grace {self.grace}, reduction {self.reduction}"


@dataclass(frozen=True)
class Log:
    """What there is to replay.

    Attributes:
        name: of the search or the file.
        curves: in the order in which they were tried.
        epochs: of a trial that is never stopped.
        slots: trials at a time.
        gpus: of a trial; 0 without a GPU.
        setting: that the search ran with; None for a file of curves.
    """

    name: str
    curves: tuple[Curve, ...]
    epochs: int
    slots: int
    gpus: float
    setting: Setting | None = None

    @property
    def best(self) -> float:
        return max(curve.best for curve in self.curves)

    @property
    def unit(self) -> str:
        return unit(self.gpus)

    @functools.cached_property
    def full_hours(self) -> float:
        """GPU-hours (trial-hours without a GPU) of all trials at full length, each at its own pace."""
        return self.priced(sum(curve.full_seconds(self.epochs) for curve in self.curves) / 3600)

    def priced(self, trial_hours: float) -> float:
        """GPU-hours (trial-hours without a GPU) of that many hours of trials."""
        return trial_hours * price(self.gpus)

    def saved(self, replay: Replay) -> float:
        """The share of `full_hours` that `replay` did not need."""
        # Sums in another order differ in their last bit: without rounding, nothing saved would be -0%.
        return 1 - round(self.priced(replay.trial_hours) / self.full_hours, 9) if self.full_hours else 0.0

    def rank(self, curve: Curve) -> int:
        """1 for the best logged trial."""
        return 1 + sum(other.best > curve.best for other in self.curves)


@dataclass(frozen=True)
class Estimate:
    """Mean over replays, and its standard error; None for a single one."""

    mean: float
    error: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> Estimate:
        error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else None
        return cls(float(np.mean(values)), error)


@dataclass(frozen=True)
class Outcome:
    """One setting, over all replayed orders.

    Attributes:
        setting: None where no trial was stopped.
        hours: GPU-hours (trial-hours without a GPU).
        saved: share of the GPU-hours of all trials at full length.
        best: val_f1 found.
        lost: to the best of the logged trials that were replayed.
        rank: among them of the trial that was found best; 1: the best one was kept.
        unknown: trials that would have gone on where their curve ends.
    """

    setting: Setting | None
    epochs: Estimate
    hours: Estimate
    saved: Estimate
    best: Estimate
    lost: Estimate
    rank: Estimate
    unknown: Estimate


def replay(log: Log, setting: Setting | None) -> Replay:
    """Replay the trials under one setting; None stops none."""
    from tuning.algorithms.asha import Asha
    from tuning.replay.simulation import InOrder, simulate

    grace, reduction = (log.epochs, REDUCTIONS[0]) if setting is None else (setting.grace, setting.reduction)
    return simulate(InOrder(log.curves), Asha(log.epochs, grace, reduction), log.epochs, log.slots)


def outcome(logs: Sequence[Log], setting: Setting | None) -> Outcome:
    """Replay every log under one setting."""
    from tuning.replay.simulation import UNKNOWN

    both = [(log, replay(log, setting)) for log in logs]
    return Outcome(
        setting=setting,
        epochs=Estimate.of([found.epochs for _, found in both]),
        hours=Estimate.of([log.priced(found.trial_hours) for log, found in both]),
        saved=Estimate.of([log.saved(found) for log, found in both]),
        best=Estimate.of([found.best for _, found in both]),
        lost=Estimate.of([log.best - found.best for log, found in both]),
        rank=Estimate.of([log.rank(found.winner) for log, found in both]),
        unknown=Estimate.of([found.count(UNKNOWN) for _, found in both]),
    )


def _shuffled(log: Log, orders: int, trials: int | None, seed: int) -> Iterator[Log]:
    """The log in random orders, or `trials` of it each time."""
    if trials is not None and trials > len(log.curves):
        raise OptionError(f"--trials: {log.name} has {len(log.curves)} with a result, but got {trials}; name fewer")
    rng = np.random.default_rng(seed)
    for _ in range(orders):
        picked = rng.permutation(len(log.curves))[:trials]
        yield dataclasses.replace(log, curves=tuple(log.curves[i] for i in picked))


def _settings(log: Log, graces: list[int] | None, reductions: list[int] | None) -> list[Setting]:
    """The grid that was asked for; the default one has the search's own values in it."""
    for grace in graces or ():
        if grace > log.epochs:
            raise OptionError(
                f"--grace: a trial of {log.name} has {counted(log.epochs, 'epoch')}, but got {grace}; name fewer"
            )
    for reduction in reductions or ():
        if reduction < 2:
            raise OptionError(f"--reduction: at least 2 is needed, but got {reduction}")
    own = [log.setting] if log.setting else []
    graces = graces or [*(each for each in GRACES if 2 * each <= log.epochs), *(each.grace for each in own)]
    reductions = reductions or [*REDUCTIONS, *(each.reduction for each in own)]
    return [
        Setting(grace, reduction)
        for grace in sorted(set(graces))
        for reduction in sorted(set(reductions))
        if grace < log.epochs
    ]
