"""Keeps report.html current while a search runs, for a browser."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common.files import replacing
from common.repository import ROOT
from common.search_folder import SEARCH_REPORT
from common.security import terminal
from tuning.callbacks.views.aside import Aside
from tuning.plan.plan import Plan
from tuning.records.rows import Row, rows

EVERY, SHARE = 60.0, 1 / 20
"""Seconds between two reports at least, and the share of the time that making them may take: one of 200 trials of 60
epochs takes a core 6 s, half of which is spent on imports."""

KINDNESS = 10
"""How far the process stands back behind the trials (nice)."""


class ReportView(tune.Callback):
    """Has another process write the report, when trials have something new: in a thread of this one the driver would
    wait for Python's lock, up to half a second. A search of less than a minute has a report at its end only.

    Args:
        check: raises an error once the search is another process's.
    """

    def __init__(self, plan: Plan, check: Callable[[], None]) -> None:
        self._plan, self._check = plan, check
        self._aside = Aside(EVERY, SHARE, first=EVERY)
        self._seen: list[Row] = []
        self._child: subprocess.Popen[str] | None = None
        self._ended = self._refused = False

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._aside.is_due():
            now = rows(trials, self._plan.space.distributions, self._plan.epochs)
            if now != self._seen and any(row.epochs for row in now):
                self._seen = now
                self._aside.begin(self._write)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """The last one is written by what follows, which waits for nobody."""
        self._ended = True
        if self._child:
            self._child.terminate()
        self._aside.join()

    def _write(self) -> None:
        """Write it. Whatever is wrong is said once: the search goes on without what only shows it."""
        try:
            with replacing(self._plan.folder / SEARCH_REPORT, alone=True, flushed=False) as fresh:
                self._report(["--out", str(fresh)])
                self._check()
        except Exception as error:
            if not (self._ended or self._refused):
                terminal.say(f"Note: the report cannot be written ({terminal.plain(error)}); the search goes on.")
            self._refused = True

    def _report(self, options: list[str]) -> None:
        """Raises RuntimeError: it ended with an error."""
        command = [sys.executable, "-m", "tuning.report", str(self._plan.folder), *options]
        pipe = subprocess.PIPE
        # In a session of its own, so that Ctrl-C reaches the search alone.
        child = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        self._child = child
        with suppress(OSError, AttributeError):  # it has ended, or this is another system
            os.setpriority(os.PRIO_PROCESS, child.pid, KINDNESS)
        _, errors = child.communicate()
        if child.returncode:
            raise RuntimeError((errors.strip().splitlines() or ["no word of it"])[-1].removeprefix("error: "))
