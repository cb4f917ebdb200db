"""Kills workers that hang, so that their trials go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import ray
from ray import tune
from ray.tune.experiment import Trial

from common.security import terminal
from tuning import ray_internals

TIMES = 10
"""A trial may be silent for so many times the longest epoch of the search ..."""

LEAST, FIRST = 5 * 60.0, 60 * 60.0
"""... and for at least this many seconds; before a worker's first report, when its node may copy the store and compile
code, for at least this many."""

TICK, GAP = 0.5, 10.0
"""Seconds between two looks at the trials, which may be thousands; and the most that one pause counts as: a driver that
was stopped (Ctrl-Z) or busy for longer has not listened, which is no silence of the trials."""


class Watchdog(tune.Callback):
    """A trial that trains, saves or restores and reports nothing for too long loses its worker, and goes on from its
    last checkpoint as after any worker's death.

    `ray.kill` ends a worker in an endless loop at once. One that is stopped (SIGSTOP) is given up at once, and killed
    by its node five seconds later.

    Args:
        excused: whether trials have reason to be silent now; that time does not count.
    """

    def __init__(
        self,
        excused: Callable[[], bool] = lambda: False,
        times: float = TIMES,
        least: float = LEAST,
        first: float = FIRST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._excused, self._times, self._least, self._first, self._clock = excused, times, least, first, clock
        self._longest = 0.0
        self._reported: set[Any] = set()  # workers; a trial may take over another's
        self._silent: dict[str, float] = {}
        self._looked = clock()

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._silent[trial.trial_id] = 0.0

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self._silent[trial.trial_id] = 0.0
        self._longest = max(self._longest, result["time_this_iter_s"])
        self._reported.add(ray_internals.worker_of(trial))

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        gap = self._clock() - self._looked
        if gap < TICK:
            return
        self._looked += gap
        if self._excused():
            return
        for trial in trials:
            if trial.status == Trial.RUNNING and ray_internals.worker_of(trial) is not None:
                self._silent[trial.trial_id] = self._silent.get(trial.trial_id, 0.0) + min(gap, GAP)
                if self._silent[trial.trial_id] > self._limit(trial):
                    self._kill(trial)

    def _limit(self, trial: Trial) -> float:
        least = self._least if ray_internals.worker_of(trial) in self._reported else self._first
        return max(least, self._times * self._longest)

    def _kill(self, trial: Trial) -> None:
        silent, limit = self._silent.pop(trial.trial_id) / 60, self._limit(trial) / 60
        ray.kill(ray_internals.worker_of(trial))
        terminal.say(
            f"{trial!s}  hung: no report for {round(silent, 1):g} min (limit {round(limit, 1):g}); "
            f"its worker was killed{_then(trial)}"
        )


def _then(trial: Trial) -> str:
    if trial.num_failures >= trial.max_failures:
        return ""
    checkpoint = trial.latest_checkpoint_result
    return f", it goes on from epoch {checkpoint.metrics['training_iteration']}" if checkpoint else ", it begins anew"
