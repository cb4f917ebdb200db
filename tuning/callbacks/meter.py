"""Counts what a search costs while it runs, and ends it where its budget does."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuning.plan.budget import Budget, Spent
from tuning.plan.resources import Resources, price

LIVE = (Trial.PENDING, Trial.RUNNING)
"""A trial that waits for its worker to start holds its GPU already."""

TICK = 0.5
"""Seconds between two looks at the trials, which may be thousands."""


class Meter(tune.Callback):
    """Ends the search as Ctrl-C would when a time limit is reached.

    Ray's own time budget would mark the running trials as ended, and they could not go on; on SIGINT it takes a
    snapshot in which they still run. What of an epoch was done by then is done again after a resume.

    Attributes:
        spent: so far, over all resumptions.
        reached: the limit that ended the search, in words.
    """

    def __init__(
        self, budget: Budget, resources: Resources, spent: Spent, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.spent = spent
        self.reached: str | None = None
        self._budget, self._clock = budget, clock
        self._slots, self._price = resources.concurrent, price(resources.gpus)
        self._last = clock()

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._clock() - self._last < TICK:
            return
        self._count(sum(trial.status in LIVE for trial in trials))
        if self.reached is None and (reached := self._budget.reached(self.spent)):
            self.reached = reached
            signal.raise_signal(signal.SIGINT)

    def _count(self, live: int) -> None:
        now = self._clock()
        hours, self._last = (now - self._last) / 3600, now
        held = hours * min(live, self._slots) * self._price
        self.spent = Spent(self.spent.hours + hours, self.spent.gpu_hours + held)
