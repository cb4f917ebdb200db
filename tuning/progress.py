"""What a person sees while a search runs: a live table on a terminal, a line an epoch in a log file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from rich.live import Live
from rich.table import Table

from tuning import leaderboard
from tuning.rows import ENDED, Row, rows

SHOWN = 20
"""Rows of the live table: running trials first, then the best."""


class Progress(tune.Callback):
    """Pickled with the search (Ray saves its callbacks), so the live display is only made when needed."""

    def __init__(self, keys: list[str], trials: int, epochs: int) -> None:
        self._keys, self._trials, self._epochs = keys, trials, epochs
        self._began = time.time()
        self._live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_live": None}

    def setup(self, **info: Any) -> None:
        self._began = time.time()
        if (console := leaderboard.console()).is_terminal:
            self._live = Live(console=console, refresh_per_second=2, transient=True)
            self._live.start()

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        if self._live is None:
            print(_line(result, str(trial), self._epochs), flush=True)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if self._live is None:
            print(f"{trial!s}  failed: {_last_line(trial.error_file)}", flush=True)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._live is not None:
            self._live.update(self._table(rows(trials, self._keys, self._epochs)))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        if self._live is not None:
            self._live.stop()

    def _table(self, rows: list[Row]) -> Table:
        ended = sum(row.status in ENDED for row in rows)
        epochs = sum(row.epochs for row in rows)
        title = f"{ended} of {self._trials} trials done, {epochs} epochs, {_clock(time.time() - self._began)}"
        order = sorted(rows, key=lambda row: (row.status != "running", -(row.val_f1_best or 0)))
        return leaderboard.table(order[:SHOWN], title)


def _line(result: dict[str, Any], trial: str, epochs: int) -> str:
    return (
        f"{trial}  epoch {result['training_iteration']:>2}/{epochs}  val_f1 {result['val_f1']:.3f}"
        f"  best {result['val_f1_best']:.3f}  loss {result['train_loss']:.3f}  {result['seconds']:.1f} s"
    )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def _last_line(error_file: str | None) -> str:
    """The exception's own line, without the traceback above it."""
    if error_file is None or not Path(error_file).exists():
        return "see error.txt in its folder"
    return Path(error_file).read_text().strip().splitlines()[-1]
