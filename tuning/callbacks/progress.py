"""What a person sees while a search runs: a live table on a terminal, a line an epoch in a log file."""

from __future__ import annotations

import time
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from rich.live import Live

from common.security import terminal
from tuning.callbacks.meter import Meter
from tuning.plan.plan import Plan
from tuning.records import leaderboard, live
from tuning.records.reasons import reason
from tuning.records.rows import Row, length, rows

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
            terminal.say(f"    {live.summary(self._rows(trials), self._plan, self._meter.spent)}")
        if self._live is not None and time.monotonic() - self._drawn > REFRESH:
            self._drawn = time.monotonic()
            width = self._live.console.width
            self._live.update(live.table(self._rows(trials), self._plan, self._meter.spent, width))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        if self._live is not None:
            self._live.stop()

    def _rows(self, trials: list[Trial]) -> list[Row]:
        return rows(trials, self._plan.space.distributions, self._plan.epochs)


def _line(result: dict[str, Any], trial: str, epochs: int) -> str:
    if "diverged" in result:
        return f"{trial}  failed: {result['diverged']}"
    score = f"val_f1 {result['val_f1']:.3f}  best {result['val_f1_best']:.3f}  " if "val_f1" in result else ""
    return (
        f"{trial}  epoch {result['training_iteration']:>2}/{epochs}  {score}"
        f"loss {result['train_loss']:.3f}  {result['seconds']:.1f} s"
    )
