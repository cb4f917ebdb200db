"""Keeps study.db current while a search runs, for optuna-dashboard."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.search.optuna import OptunaSearch

from tuning.algorithms import study_file
from tuning.algorithms.study_file import Told
from tuning.callbacks.views.aside import Aside
from tuning.plan.plan import Plan
from tuning.records import reasons
from tuning.records.rows import row

EVERY, SHARE = 20.0, 1 / 50
"""Seconds between two writings at least, and the share of the driver's time that they may take."""


class StudyView(tune.Callback):
    """Writes study.db in a thread, when trials have something new: Optuna's storage takes seconds for large searches,
    and the search does not wait for what only shows it."""

    def __init__(self, plan: Plan, searcher: OptunaSearch) -> None:
        self._plan, self._searcher = plan, searcher
        self._aside = Aside(EVERY, SHARE)
        self._seen: list[Told] = []

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if trials and self._aside.is_due() and (now := told(trials, self._plan)) != self._seen:
            self._seen = now
            shown = study_file.shown(self._searcher, now, self._plan.epochs)
            self._aside.begin(partial(self._write, shown))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """What follows writes the last one: two must not write at once."""
        self._aside.join()

    def _write(self, shown: list[Any]) -> None:
        with suppress(Exception):  # it only shows the search: a disk that is full is the others' business
            study_file.write(self._plan.folder, self._plan.name, shown)


def told(trials: Iterable[Trial], plan: Plan) -> list[Told]:
    """What study.db says of the trials, in the order in which they began."""
    found = [
        Told(
            trial.trial_id,
            now := row(trial, plan.space.distributions, plan.epochs),
            reasons.reason(trial) if now.status == "failed" else None,
        )
        for trial in trials
    ]
    return sorted(found, key=lambda each: (len(each.row.trial), each.row.trial))
