"""The Optuna side: the seeded sampler, and the study as a file that Optuna's own tools open."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import optuna
from ray.tune.search.optuna import OptunaSearch

from common.files import replacing
from common.search_folder import STUDY
from tuning import ray_internals
from tuning.plan.spaces import Space


def searcher(space: Space, seed: int, name: str) -> OptunaSearch:
    """Multivariate TPE with constant liar (running trials count as bad ones, so that neighbours are not tried
    twice at once), starting with the space's own points.

    The study lives in memory: one in a file would be ahead of Ray's snapshot after a kill, and restore would crash.
    It is told a trial's best val_f1 so far, stopped trials included: that is what the leaderboard ranks by.
    """
    return OptunaSearch(
        space=dict(space.distributions),
        metric="val_f1_best",
        mode="max",
        points_to_evaluate=list(space.start),
        sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
        study_name=name,
    )


def export(search: OptunaSearch, folder: Path, failed: Iterable[str] = ()) -> None:
    """Copy the study to runs/<search>/study.db (SQLite). Trials that `failed` (Ray's ids) are told to it, if Ray has
    not: one that is left running counts as a bad one for ever."""
    study, trials = ray_internals.study_of(search)
    for trial_id in failed:
        study.tell(trials[trial_id], state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
    with replacing(folder / STUDY, alone=True) as fresh:
        storage = optuna.storages.RDBStorage(f"sqlite:///{fresh}")
        optuna.copy_study(from_study_name=study.study_name, from_storage=study._storage, to_storage=storage)
        storage.engine.dispose()
