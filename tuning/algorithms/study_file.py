"""study.db: the study as people look at it, in optuna-dashboard or with Optuna's own plots.

It differs from what the sampler is told. A stopped trial is PRUNED here, so that history, importance and slices show
what ran to its end; TPE counts it as a complete one with a low score, for it was stopped because it was worse. And
trials have the numbers of their names here, while Optuna counts from 0.
"""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from optuna.trial import FrozenTrial, TrialState
from ray.tune.search.optuna import OptunaSearch

from common.files import replacing
from common.search_folder import STUDY
from tuning import ray_internals
from tuning.records.rows import Row

STATES = {
    "running": TrialState.RUNNING,
    "interrupted": TrialState.RUNNING,
    "waiting": TrialState.RUNNING,
    "finished": TrialState.COMPLETE,
    "stopped": TrialState.PRUNED,
    "failed": TrialState.FAIL,
}
"""By a row's status. An interrupted trial goes on when the search does."""


class Told(NamedTuple):
    """A trial of the search, for the study's file.

    Attributes:
        id: Ray's, by which the searcher knows it.
        why: it failed; None where it did not.
    """

    id: str
    row: Row
    why: str | None


def shown(search: OptunaSearch, trials: Iterable[Told], epochs: int) -> list[FrozenTrial]:
    """Make the study's trials, in the order of their numbers, as they are at this moment.

    Args:
        epochs: of a trial that is never stopped.
    """
    study, known = ray_internals.study_of(search)
    asked = {trial.number: trial for trial in study.get_trials(deepcopy=False)}
    return [_shown(asked[known[each.id].number], each, epochs) for each in trials if each.id in known]


def write(folder: Path, name: str, trials: Sequence[FrozenTrial]) -> None:
    """Write runs/<search>/study.db, an SQLite file that Optuna reads."""
    # In memory first: on a disk each of Optuna's small transactions would be waited for.
    with closing(sqlite3.connect(":memory:", check_same_thread=False)) as database:
        storage = optuna.storages.RDBStorage("sqlite://", engine_kwargs={"creator": lambda: database})
        study = optuna.create_study(storage=storage, study_name=name, direction="maximize")
        for trial in trials:
            study.add_trial(_without_curve(trial))
        # By its own way each of the values of a curve takes Optuna a millisecond and more.
        curves = [
            (place, step, value, "FINITE")
            for place, trial in enumerate(trials, start=1)
            for step, value in trial.intermediate_values.items()
        ]
        database.executemany(
            "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
            "VALUES (?, ?, ?, ?)",
            curves,
        )
        numbers = [(trial.number, place) for place, trial in reversed(list(enumerate(trials, start=1)))]
        database.executemany("UPDATE trials SET number = ? WHERE trial_id = ?", numbers)
        database.commit()
        with replacing(folder / STUDY, alone=True) as fresh, closing(sqlite3.connect(fresh)) as file:
            database.backup(file)


def _without_curve(trial: FrozenTrial) -> FrozenTrial:
    bare = copy.copy(trial)
    bare.intermediate_values = {}
    return bare


def _shown(asked: FrozenTrial, told: Told, epochs: int) -> FrozenTrial:
    row, state = told.row, STATES[told.row.status]
    if state == TrialState.COMPLETE and row.val_f1_best is None:  # of a refit, and Optuna wants a value of it
        state = TrialState.PRUNED
    curve = dict(asked.intermediate_values)
    if row.val_f1_best is not None and row.epochs:  # of the last epoch Ray only tells a searcher that it was the last
        curve[row.epochs] = row.val_f1_best
    value = row.val_f1_best if state in (TrialState.COMPLETE, TrialState.PRUNED) else None
    ended = asked.datetime_complete or datetime.now() if state.is_finished() else None
    return FrozenTrial(
        number=int(row.trial.removeprefix("trial-")),
        state=state,
        value=value,
        datetime_start=asked.datetime_start,
        datetime_complete=ended,
        params=asked.params,
        distributions=asked.distributions,
        user_attrs=_about(told, epochs),
        system_attrs={},
        intermediate_values=curve,
        trial_id=-1,
    )


def _about(told: Told, epochs: int) -> dict[str, Any]:
    row = told.row
    return {
        "trial": row.trial,
        "status": row.status,
        "epochs": f"{row.epochs} of {epochs}",
        "best epoch": row.best_epoch,
        "minutes": round(row.seconds / 60, 1),
        **({"why it failed": told.why} if told.why else {}),
    }
