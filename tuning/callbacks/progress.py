"""What a person sees while a search runs: a live table on a terminal, a line an epoch in a log file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from rich.live import Live

from common.security import terminal
from tuning.callbacks.meter import Meter
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan
from tuning.plan.resources import price, unit
from tuning.records import leaderboard
from tuning.records.cost import hours_left, saved_hours
from tuning.records.reasons import reason
from tuning.records.rows import ENDED, Row, length, rows

SHOWN = 20
"""Rows of the live table: running trials first, then the best."""

REFRESH, SUMMARY = 0.5, 5.0
"""Seconds between two drawings of the live table, and at least between two summaries in a log file."""


class Progress(tune.Callback):
    def __init__(self, plan: Plan, meter: Meter) -> None:
        self._plan, self._meter = plan, meter
        self._live: Live | None = None
        self._drawn = -SUMMARY
        self._one_more = False

    def setup(self, **info: Any) -> None:
        if (console := leaderboard.console()).is_terminal:
            self._live = Live(console=console, refresh_per_second=2, transient=True)
            self._live.start()

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        if self._live is None:
            terminal.say(_line(result, str(trial), length(trial, self._plan.epochs)))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._one_more = True  # told at the step's end: only then does Ray count the trial as ended

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if self._live is None:
            terminal.say(f"{trial!s}  failed: {reason(trial)}")

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._live is None and self._one_more and time.monotonic() - self._drawn > SUMMARY:
            self._one_more, self._drawn = False, time.monotonic()
            terminal.say(f"    {summary(self._rows(trials), self._plan, self._meter.spent)}")
        if self._live is not None and time.monotonic() - self._drawn > REFRESH:
            self._drawn = time.monotonic()
            found = self._rows(trials)
            order = sorted(found, key=lambda row: (row.status != "running", -(row.val_f1_best or 0)))
            title = summary(found, self._plan, self._meter.spent)
            self._live.update(leaderboard.table(order[:SHOWN], title, self._live.console.width))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        if self._live is not None:
            self._live.stop()

    def _rows(self, trials: list[Trial]) -> list[Row]:
        return rows(trials, self._plan.space.distributions, self._plan.epochs)


def summary(rows: Sequence[Row], plan: Plan, spent: Spent, now: datetime | None = None) -> str:
    """One line: how far the search is, what it has cost, what stopping has saved, and when it will be done."""
    budget, gpus = plan.budget, plan.resources.gpus
    parts = [
        f"{sum(row.status in ENDED for row in rows)}{_of(budget.trials)} trials done",
        f"{sum(row.epochs for row in rows)} epochs",
        f"{_clock(spent.hours)}{_of(budget.hours)} h",
        f"{spent.gpu_hours:.2f}{_of(budget.gpu_hours)} {unit(gpus)}",
        f"{saved_hours(rows, plan.epochs) * price(gpus):.2f} saved by stopping",
    ]
    left = hours_left(rows, plan.epochs, budget, spent)
    if left is not None:
        end = (now or datetime.now()) + timedelta(hours=left)
        parts.append(f"done about {end:%H:%M}" if left < 20 else f"done about {end:%a %d %b %H:%M}")
    return ", ".join(parts)


def _line(result: dict[str, Any], trial: str, epochs: int) -> str:
    if "diverged" in result:
        return f"{trial}  failed: {result['diverged']}"
    score = f"val_f1 {result['val_f1']:.3f}  best {result['val_f1_best']:.3f}  " if "val_f1" in result else ""
    return (
        f"{trial}  epoch {result['training_iteration']:>2}/{epochs}  {score}"
        f"loss {result['train_loss']:.3f}  {result['seconds']:.1f} s"
    )


def _of(limit: float | None) -> str:
    return "" if limit is None else f" of {limit:g}"


def _clock(hours: float) -> str:
    """Hours -> h:mm:ss."""
    minutes, seconds = divmod(int(hours * 3600), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
