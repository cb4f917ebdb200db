from collections.abc import Callable
from typing import Any

import pytest

from common.errors import OptionError, SearchError
from tuning.confirm import rerun
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.records.rows import Row


def row(number: int, best: float | None, old_from: int, status: str = "finished") -> Row:
    settings = {"labels/young_below": 30, "labels/old_from": old_from, "labels/young_gap": 0, "labels/old_gap": 0}
    return Row(f"trial-{number:03d}", status, best, 3, None, 9, 1.0, settings)


ROWS = [row(1, 0.5, 60), row(2, 0.7, 58, "stopped"), row(3, 0.7, 58), row(4, 0.6, 59), row(5, 0.9, 57, "failed")]


def varied(plan: Plan, *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(point[key] for key in keys) for point in plan.space.start]


def test_every_candidate_gets_every_seed_run_by_run_and_none_is_the_searchs_own(make_plan: Callable[..., Plan]) -> None:
    plan, confirms = rerun.plan_of(make_plan(seed=42), ROWS, 2, seeds=2, folds=None)
    assert varied(plan, "labels/old_from", "train/seed") == [(58, 43), (59, 43), (58, 44), (59, 44)]
    assert [each["name"] for each in confirms["candidates"]] == ["trial-002", "trial-004"]
    assert plan.budget == Budget(trials=4)
    assert plan.rungs() == []
    assert "train/seed" not in plan.settings
    assert plan.config(plan.space.start[0]).train.seed == 43


def test_folds_keep_the_searchs_seed(make_plan: Callable[..., Plan]) -> None:
    plan, _ = rerun.plan_of(make_plan(seed=42), ROWS, 1, seeds=None, folds=3)
    assert varied(plan, "train/fold") == [(0,), (1,), (2,)]
    trained = plan.config(plan.space.start[2]).train
    assert (trained.folds, trained.fold) == (3, 2)
    assert plan.settings["train/seed"] == 1


def test_more_than_there_are_different_trials_is_refused(make_plan: Callable[..., Plan]) -> None:
    with pytest.raises(OptionError, match="--confirm 4: the search has 3 different trials to choose from; name fewer"):
        rerun.plan_of(make_plan(), ROWS, 4, seeds=1, folds=None)
    with pytest.raises(SearchError, match="no trial finished an epoch"):
        rerun.plan_of(make_plan(), [row(1, None, 60, "interrupted")], 1, seeds=1, folds=None)


def test_a_second_confirmation_has_a_folder_of_its_own(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan()
    (plan.folder / "confirm").mkdir(parents=True)
    assert rerun.plan_of(plan, ROWS, 1, seeds=1, folds=None)[0].folder == plan.folder / "confirm-2"
