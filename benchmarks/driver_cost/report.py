"""What a driver's time goes to while it runs a search: a stopwatch that names run by, and a table of it by trials."""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray.tune.execution.tune_controller import TuneController

from tuning.storage import states

SIMULATION = "simulation"
RAY, CHOICE, ASHA, ASK, TELL = "Ray", "next trial", "ASHA", "ask", "tell"
SNAPSHOT, STATES, STUDY = "snapshot", "states", "study"
EVERY_RESULT = (RAY, CHOICE, ASHA, ASK, TELL, "Progress", "TensorBoard", "Json")
BY_THE_CLOCK = ("Meter", "Sweeper", "Recorder", SNAPSHOT)

SKIPPED = frozenset({SNAPSHOT, CHOICE, "Recorder", "Progress", "TensorBoard"})
"""While a search is wound forward to the next row. Ray starts trials without a choice; the meter can end the search."""

MARKS = (100, 300, 1000, 3000, 10000, 30000)
"""Trials that a row of the table is printed at."""


class Stopwatch:
    """It takes CPU seconds of the driver's thread by who spends them: the innermost name that is running, and nobody
    else.

    Attributes:
        seconds: name -> so far.
        calls: name -> how often it was entered.
        skipped: names that are not even called for now.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.skipped: frozenset[str] = frozenset()
        self._names: list[str] = []
        self._since = 0.0

    @contextlib.contextmanager
    def running(self, name: str) -> Iterator[None]:
        self._lap()
        self._names.append(name)
        self.calls[name] += 1
        try:
            yield
        finally:
            self._lap()
            self._names.pop()

    def timing(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            if name in self.skipped:
                return None
            with self.running(name):
                return function(*args, **kwargs)

        return timed

    def _lap(self) -> None:
        now = time.thread_time()
        if self._names:
            self.seconds[self._names[-1]] += now - self._since
        self._since = now


@dataclass
class Mark:
    """It is what had been counted at the start of a window."""

    results: int
    seconds: Counter[str]
    calls: Counter[str]
    cpu: float
    wall: float


class Report:
    """It makes the table, each row printed as it is reached.

    Attributes:
        stopwatch: of the driver's thread.
        results: delivered so far.
        copies: (wall s, CPU s) of each background copy of Ray's working folder to the search's folder.
        stepped: time.perf_counter() of the last step.
        rows: of the table: milliseconds per result, then milliseconds of an ask and of a snapshot, and its size.
    """

    def __init__(self, options: argparse.Namespace, out: Any) -> None:
        self.stopwatch = Stopwatch()
        self.results = 0
        self.copies: list[tuple[float, float]] = []
        self.rows: list[dict[str, float]] = []
        self._out, self._window, self._json = out, options.window, options.json
        first = options.slots + options.window if options.trials > options.slots else 0
        self._marks = [*(n for n in MARKS if first <= n < options.trials), options.trials]
        self._from: Mark | None = None
        self.stepped = 0.0
        self.stopwatch.skipped = SKIPPED

    @property
    def winding(self) -> bool:
        """Between two rows."""
        return self._from is None

    def step(self, controller: TuneController) -> None:
        """After a step of the loop: is there a window to open, or a row to print?"""
        self.stepped = time.perf_counter()
        started = len(controller.get_trials())
        if self._marks and self.winding and started >= self._marks[0] - self._window:
            self.stopwatch.skipped = frozenset()
            controller.checkpoint(force=True, wait=True)  # of what was wound forward: not the window's
            self._from = self._now()
        elif self._marks and self._from and started >= self._marks[0]:
            staging = Path(controller._storage.experiment_driver_staging_path)
            self._row(self._marks.pop(0), self._from, state_megabytes(staging))
            self._from = None
            self.stopwatch.skipped = SKIPPED

    def _now(self) -> Mark:
        watch = self.stopwatch
        return Mark(self.results, watch.seconds.copy(), watch.calls.copy(), time.process_time(), time.perf_counter())

    def _row(self, trials: int, last: Mark, megabytes: float) -> None:
        now = self._now()
        seconds, calls, results = now.seconds - last.seconds, now.calls - last.calls, now.results - last.results
        snapshot = sum(seconds[name] for name in (SNAPSHOT, STATES, STUDY))
        split = {**{name: seconds[name] for name in (*EVERY_RESULT, *BY_THE_CLOCK)}, SNAPSHOT: snapshot}
        row = {
            "trials": trials,
            "results": results,
            "all": sum(split.values()) / results * 1000,
            "wall": (now.wall - last.wall - seconds[SIMULATION]) / results * 1000,
            "all threads": (now.cpu - last.cpu - seconds[SIMULATION]) / results * 1000,
            **{name: split[name] / results * 1000 for name in split},
            "an ask": seconds[ASK] / max(1, calls[ASK]) * 1000,
            "a snapshot": snapshot / max(1, calls[STATES]) * 1000,
            "its states": seconds[STATES] / max(1, calls[STATES]) * 1000,
            "its study": seconds[STUDY] / max(1, calls[STUDY]) * 1000,
            "MB": megabytes,
            "a copy, s": max([wall for wall, _ in self.copies[-3:]], default=0.0),
        }
        if not self.rows:
            self._print(list(row))
            self._print(["---:"] * len(row))
        self.rows.append(row)
        if self._json:
            self._json.write_text(json.dumps(self.rows, indent=2) + "\n")
        self._print([f"{value:.0f}" if value >= 100 else f"{value:.2g}" for value in row.values()])

    def _print(self, cells: list[str]) -> None:
        print(f"| {' | '.join(cells)} |", file=self._out, flush=True)


def state_megabytes(staging: Path) -> float:
    return sum(file.stat().st_size for pattern in states.RAYS for file in staging.glob(pattern)) / 1e6
