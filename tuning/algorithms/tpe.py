"""The Optuna side: the seeded sampler, and what it is told."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import TrialState
from ray.tune.search.optuna import OptunaSearch

from tuning import ray_internals
from tuning.plan import points
from tuning.plan.spaces import Space


def searcher(space: Space, seed: int, name: str) -> OptunaSearch:
    """Multivariate TPE with constant liar (running trials count as bad ones, so that neighbours are not tried
    twice at once), starting with the space's own points.

    The study lives in memory: one in a file would be ahead of Ray's snapshot after a kill, and restore would crash.
    It is told a trial's best val_f1 so far, stopped trials included: that is what the leaderboard ranks by. What people
    see of it is `study_file`'s.
    """
    return OptunaSearch(
        space=dict(space.distributions),
        metric="val_f1_best",
        mode="max",
        points_to_evaluate=list(space.start),
        sampler=optuna.samplers.TPESampler(seed=seed, multivariate=True, constant_liar=True),
        study_name=name,
    )


def prefer_untried(search: OptunaSearch, distributions: Mapping[str, BaseDistribution], trials: int | None) -> bool:
    """Have `search` propose a point that was not tried yet, where as many `trials` as may be started in all (None:
    without end) can try all that there are: TPE would propose the best of them again.

    Returns:
        whether one is left.
    """
    number = points.count(distributions)
    if number is None or (trials and number > trials):  # asked for at every step of Ray's, so before the study is
        return True
    study, _ = ray_internals.study_of(search)
    begun = study.get_trials(deepcopy=False)
    if not trials and number > len(begun):
        return True
    if any(trial.state == TrialState.WAITING for trial in begun):  # starting points come first
        return True
    tried = {tuple(trial.params.get(key) for key in distributions) for trial in begun}
    untried = [point for point in points.every(distributions) if tuple(point.values()) not in tried]
    if untried:
        study.enqueue_trial(untried[len(begun) % len(untried)])
    return bool(untried)
