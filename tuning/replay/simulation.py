"""A search on a simulated clock: logged curves in place of training, the real scheduler and searcher, no Ray run."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from tuning.plan.spaces import Point
from tuning.records.rows import setting
from tuning.replay.curves import Curve

FINISHED, STOPPED, FAILED, UNKNOWN, RUNNING = "finished", "stopped", "failed", "unknown", "running"
"""How a replayed trial ends: after all its epochs; by the scheduler; diverged; where its curve ends, although it would
have gone on; not at all before the budget was spent."""

COMPLETE, PRUNED = "complete", "pruned"
"""What Optuna is told of a trial that the scheduler stopped: complete, its value the best so far, as Ray does; or
pruned, with that value as its last intermediate one, so that TPE ranks it below every trial that was not stopped."""


class Proposer(Protocol):
    """Says what a free slot trains next, and hears of every trial what Ray tells a searcher."""

    def propose(self, trial_id: str) -> Curve | None:
        """The curve of the next trial; None: no more trials."""

    def on_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """An epoch after which the trial goes on."""

    def on_end(self, trial_id: str, result: dict[str, Any], how: str) -> None:
        """The trial's last result."""


class InOrder:
    """Trials one after the other, whatever comes of them."""

    def __init__(self, curves: Iterable[Curve]) -> None:
        self._curves = iter(curves)

    def propose(self, trial_id: str) -> Curve | None:
        return next(self._curves, None)

    def on_result(self, trial_id: str, result: dict[str, Any]) -> None:
        pass

    def on_end(self, trial_id: str, result: dict[str, Any], how: str) -> None:
        pass


class Searched:
    """The points that a searcher of Ray proposes, without end, each answered by a curve.

    Args:
        curve: of a point with flat keys.
        keys: the flat keys of the searcher's space.
        told: COMPLETE or PRUNED.
    """

    def __init__(
        self, searcher: Searcher, curve: Callable[[Point], Curve], keys: Iterable[str], told: str = COMPLETE
    ) -> None:
        if told not in (COMPLETE, PRUNED):
            raise ValueError(f"told must be {COMPLETE} or {PRUNED}, but is {told!r}")
        self._searcher, self._curve, self._keys, self._told = searcher, curve, tuple(keys), told

    def propose(self, trial_id: str) -> Curve | None:
        proposed = self._searcher.suggest(trial_id)
        return self._curve({key: setting(proposed, key) for key in self._keys})

    def on_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self._searcher.on_trial_result(trial_id, result)

    def on_end(self, trial_id: str, result: dict[str, Any], how: str) -> None:
        if how == STOPPED and self._told == PRUNED:
            self._searcher.on_trial_result(trial_id, result)
            self._searcher.on_trial_complete(trial_id)
        else:
            self._searcher.on_trial_complete(trial_id, result=result)


@dataclass(frozen=True)
class Moment:
    """The state of a search after an epoch.

    Attributes:
        clock: seconds since it began.
        epochs, seconds: that all trials together have been trained, epochs under way not counted.
        best: val_f1 so far.
    """

    clock: float
    epochs: int
    seconds: float
    best: float


@dataclass(frozen=True)
class Replayed:
    """One trial: the first `epochs` epochs of `curve`, and how it ended."""

    curve: Curve
    epochs: int
    how: str

    @property
    def best(self) -> float:
        return max(self.curve.val_f1[: self.epochs])


@dataclass(frozen=True)
class Replay:
    """A search that was replayed.

    Attributes:
        history: after each epoch, in the order in which they ended.
        trials: those with an epoch or more, in the order in which they were started.
    """

    history: tuple[Moment, ...]
    trials: tuple[Replayed, ...]

    def __post_init__(self) -> None:
        if not self.history:
            raise ValueError("a replay needs an epoch or more, but nothing was proposed")

    @property
    def epochs(self) -> int:
        return self.history[-1].epochs

    @property
    def trial_hours(self) -> float:
        """Hours of all trials together; of GPUs, times the GPUs of a trial."""
        return self.history[-1].seconds / 3600

    @property
    def hours(self) -> float:
        """From the first trial's start to the last one's end."""
        return self.history[-1].clock / 3600

    @property
    def best(self) -> float:
        return self.history[-1].best

    @property
    def winner(self) -> Curve:
        """The curve that `best` was found on."""
        return max(self.trials, key=lambda trial: trial.best).curve

    def count(self, how: str) -> int:
        """Trials that ended this way."""
        return sum(trial.how == how for trial in self.trials)


def simulate(
    proposer: Proposer, scheduler: TrialScheduler, epochs: int, slots: int, budget: float = float("inf")
) -> Replay:
    """Run a search: `slots` trials at a time, each epoch takes its logged time, and a slot is free again at once.

    Args:
        epochs: of a trial that is never stopped.
        budget: epochs of all trials together after which nothing more is trained.

    Raises:
        ValueError: nothing was proposed.
    """
    search = _Search(proposer, scheduler, epochs)
    for _ in range(slots):
        search.start()
    while search.under_way and search.epochs < budget:
        search.finish_an_epoch()
    return Replay(tuple(search.history), tuple(run.replayed() for run in search.runs if run.epoch))


@dataclass
class _Run:
    """A trial under way, with what the scheduler wants of Ray's own: `trial_id` and `last_result`."""

    trial_id: str
    curve: Curve
    epoch: int = 0
    how: str = RUNNING
    last_result: dict[str, Any] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Train one epoch."""
        value = self.curve.val_f1[self.epoch]
        best = max(value, self.last_result.get("val_f1_best", value))
        self.epoch += 1
        self.last_result = {"training_iteration": self.epoch, "val_f1": value, "val_f1_best": best}
        return self.last_result

    def replayed(self) -> Replayed:
        return Replayed(self.curve, self.epoch, self.how)


class _Search:
    def __init__(self, proposer: Proposer, scheduler: TrialScheduler, epochs: int) -> None:
        self._proposer, self._scheduler, self._max_epochs = proposer, scheduler, epochs
        self._order = itertools.count()
        self._clock, self._seconds, self._best = 0.0, 0.0, float("-inf")
        self.epochs = 0
        self.runs: list[_Run] = []
        self.history: list[Moment] = []
        self.under_way: list[tuple[float, int, _Run]] = []
        """A heap of (when the epoch ends, what began first, trial)."""

    def start(self) -> None:
        """Give a free slot its next trial, if there is one."""
        trial_id = f"trial-{len(self.runs) + 1:03d}"
        curve = self._proposer.propose(trial_id)
        if curve is None:
            return
        run = _Run(trial_id, curve)
        self.runs.append(run)
        self._scheduler.on_trial_add(None, run)
        self._begin_an_epoch(run)

    def finish_an_epoch(self) -> None:
        self._clock, _, run = heapq.heappop(self.under_way)
        result = run.report()
        self.epochs += 1
        self._seconds += run.curve.seconds[run.epoch - 1]
        self._best = max(self._best, result["val_f1"])
        self.history.append(Moment(self._clock, self.epochs, self._seconds, self._best))
        run.how = self._decide(run, result)
        if run.how == RUNNING:
            self._begin_an_epoch(run)
        else:
            self._scheduler.on_trial_complete(None, run, result)
            self._proposer.on_end(run.trial_id, result, run.how)
            self.start()

    def _begin_an_epoch(self, run: _Run) -> None:
        ends = self._clock + run.curve.seconds[run.epoch]
        heapq.heappush(self.under_way, (ends, next(self._order), run))

    def _decide(self, run: _Run, result: dict[str, Any]) -> str:
        """Decide as Ray does: a trial that is done is not the scheduler's to judge, and the searcher hears at once only
        of epochs after which the trial goes on."""
        known = run.epoch < len(run.curve)
        if run.epoch == self._max_epochs:
            return FINISHED
        if run.curve.failed and not known:
            return FAILED
        if self._scheduler.on_trial_result(None, run, result) == TrialScheduler.STOP:
            return STOPPED
        if known:
            self._proposer.on_result(run.trial_id, result)
        return RUNNING if known else UNKNOWN
