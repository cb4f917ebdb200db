"""Trials that fail: what is said of them, and when a search gives up."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest

from common.errors import SearchError
from data_prep.store.store import Store
from tests.tuning.helpers.bad_trials import MostFailTrial
from tuning import resume, search
from tuning.algorithms import study_file, tpe
from tuning.algorithms.study_file import Told
from tuning.callbacks import failures
from tuning.command.ending.finish import finish
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.records import reasons, search_json
from tuning.records.rows import Row


def test_a_search_of_which_most_trials_fail_ends_early_and_goes_on_when_the_cause_is_mended(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "ENOUGH", 2)
    plan = make_plan(budget=Budget(trials=3), epochs=2, grace=2, resources=Resources(cpus=1, gpus=0, concurrent=1))
    rows = search.run(plan, small_store, MostFailTrial)
    assert search_json.read(plan.folder).state == "failing"
    assert sum(row.status == "failed" for row in rows) == 2
    with pytest.raises(
        SearchError,
        match=r"^2 of 2 trials failed, most often of RuntimeError: no such camera; mend that and go on: "
        r"python tune_main.py --resume runs/age_bands$",
    ):
        finish(plan, rows)

    (plan.folder / "mended.txt").touch()
    rows = search.resume(resume.resumable(plan.folder), MostFailTrial)
    assert search_json.read(plan.folder).state == "finished"
    assert sorted(row.status for row in rows) == ["failed"] * 2 + ["finished"]
    assert search_json.read(plan.folder).failed[0]["reason"] == "RuntimeError: no such camera"
    assert finish(plan, rows) == 3


def test_failed_trials_are_told_by_reason() -> None:
    groups = [
        {"reason": "RuntimeError: broken on purpose", "diverged": False, "trials": ["trial-002", "trial-005"]},
        {"reason": "loss became nan", "diverged": True, "trials": ["trial-003"]},
    ]
    assert reasons.described(groups) == (
        "3 trials failed: 2 x RuntimeError: broken on purpose (trial-002, trial-005); 1 x loss became nan (trial-003)"
    )


def test_a_failed_trial_that_ray_has_not_told_the_study_of_is_shown_as_failed(
    make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = make_plan()
    searcher = tpe.searcher(plan.space, 1, "mine")
    searcher.suggest("a")
    searcher.suggest("b")
    searcher.on_trial_complete("a", error=True)
    rows = [Row(name, "failed", None, None, None, 0, 0.0, {}) for name in ("trial-001", "trial-002")]
    told = [Told(each, row, "worker died") for each, row in zip("ab", rows, strict=True)]
    study_file.write(tmp_path, "mine", study_file.shown(searcher, told, epochs=9))
    found = optuna.load_study(study_name="mine", storage=f"sqlite:///{tmp_path / 'study.db'}")
    assert [(trial.number, trial.state.name) for trial in found.trials] == [(1, "FAIL"), (2, "FAIL")]
    assert found.trials[0].user_attrs["why it failed"] == "worker died"
