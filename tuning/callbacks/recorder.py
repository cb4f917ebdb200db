"""Keeps search.json and leaderboard.csv up to date while a search runs."""

from __future__ import annotations

import time
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuning.callbacks.meter import Meter
from tuning.plan.plan import Plan
from tuning.records import leaderboard, reasons
from tuning.records.rows import rows
from tuning.records.search_json import Record, spent


class Recorder(tune.Callback):
    """Rewrites both files when a trial has something new, at most once a second, and at the end."""

    def __init__(self, plan: Plan, meter: Meter, record: Record) -> None:
        self._plan, self._meter, self._record = plan, meter, record
        self._pause, self._when = 1.0, 0.0

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if time.monotonic() - self._when > self._pause:
            began = time.monotonic()
            self._write(trials)
            self._when = time.monotonic()
            # A search of thousands of trials takes longer to write down: at most a twentieth of the time goes there.
            self._pause = max(1.0, 20 * (self._when - began))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self._write(trials)

    def _write(self, trials: list[Trial]) -> None:
        now = rows(trials, self._plan.space.distributions, self._plan.epochs)
        cost = spent(now, self._meter.spent, self._plan)
        self._record.change(spent=cost, failed=reasons.grouped(trials) or None)
        self._record.show()
        leaderboard.write(self._plan.folder, now)
