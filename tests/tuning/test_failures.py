"""Trials that fail: how often they are tried again, what a search says of them, and when it gives up."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import optuna
import pandas as pd
import pytest

import tune_main
from data_prep.store import Store
from errors import SearchError
from tests.tuning.bad_trials import KINDS, CampaignTrial, MortalTrial, MostFailTrial
from tests.tuning.plans import small_plan
from tuning import failures, record, search, spaces, study
from tuning.budget import Budget
from tuning.plan import Plan
from tuning.resources import Resources
from tuning.rows import Row

ERRORS = {
    "setup": "ValueError: cannot be set up",
    "memory": "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    "nan": "errors.ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got nan",
    "inf": "errors.ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got inf",
    "missing": "errors.ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got 'nothing'",
    "text": "errors.ReportError: val_f1: a number from 0 to 1 is needed after every epoch, but got 'high'",
    "exits": "worker died",
}
BAD = {f"trial-{2 * place + 1:03d}": kind for place, kind in enumerate(KINDS)}


@pytest.fixture(scope="module")
def campaign(ray_session: None, small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Plan, list[Row]]:
    """Fourteen trials, every other one bad; the bad ones have the better settings."""
    space = spaces.load("age_bands")
    start = [
        {**space.start[0], "labels/old_from": 57 + number % 2, "labels/old_gap": number % 4} for number in range(14)
    ]
    plan = small_plan(
        tmp_path_factory.mktemp("campaign"),
        small_store,
        space=dataclasses.replace(space, start=start),
        budget=Budget(trials=14),
        epochs=4,
        grace=4,
    )
    return plan, search.run(plan, small_store, CampaignTrial)


def test_healthy_trials_finish_beside_failing_ones_of_every_kind_and_one_of_them_is_the_best(
    campaign: tuple[Plan, list[Row]],
) -> None:
    plan, rows = campaign
    assert {row.trial: row.status for row in rows} == {
        f"trial-{number:03d}": "failed" if number % 2 else "finished" for number in range(1, 15)
    }
    board = pd.read_csv(plan.folder / "leaderboard.csv")
    assert board["trial"][0] not in BAD
    assert record.read(plan.folder)["state"] == "finished"


def test_every_failed_trial_is_a_failed_one_in_the_study_and_nothing_is_left_running(
    campaign: tuple[Plan, list[Row]],
) -> None:
    plan, _ = campaign
    found = optuna.load_study(study_name="age_bands", storage=f"sqlite:///{plan.folder / 'study.db'}")
    states = [trial.state.name for trial in found.trials]
    assert states == ["FAIL", "COMPLETE"] * 7


def test_search_json_has_the_reason_of_every_failed_trial(campaign: tuple[Plan, list[Row]]) -> None:
    plan, _ = campaign
    groups = record.read(plan.folder)["failed"]
    reasons = {trial: group["reason"] for group in groups for trial in group["trials"]}
    assert reasons == {trial: ERRORS[kind] for trial, kind in BAD.items()}


def test_after_an_exception_a_trial_goes_on_once_and_after_a_workers_death_three_times(
    campaign: tuple[Plan, list[Row]],
) -> None:
    plan, _ = campaign
    begun = {kind: epochs_begun(plan, trial) for trial, kind in BAD.items() if kind != "setup"}
    assert begun.pop("exits") == [1, 2, 2, 2, 2]
    assert set(map(tuple, begun.values())) == {(1, 2, 2)}


def test_the_command_says_what_failed_and_exits_with_3(
    campaign: tuple[Plan, list[Row]], capsys: pytest.CaptureFixture[str]
) -> None:
    plan, rows = campaign
    assert tune_main._finish(plan.folder, rows) == 3
    said = capsys.readouterr().out
    assert "14 trials (7 failed)" in said
    assert "7 trials failed: 1 x " in said
    assert "and 2 more reasons" in said


def test_a_trial_whose_worker_dies_once_an_epoch_finishes(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = make_plan(budget=Budget(trials=1), epochs=5)
    rows = search.run(plan, small_store, MortalTrial)
    assert [(row.status, row.epochs) for row in rows] == [("finished", 5)]
    assert epochs_begun(plan, "trial-001") == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert record.read(plan.folder)["failed"] == []
    assert tune_main._finish(plan.folder, rows) == 0


def test_a_search_of_which_most_trials_fail_ends_early_and_goes_on_when_the_cause_is_mended(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    plan = make_plan(budget=Budget(trials=12), epochs=3, grace=3, resources=Resources(cpus=1, gpus=0, concurrent=1))
    rows = search.run(plan, small_store, MostFailTrial)
    assert record.read(plan.folder)["state"] == "failing"
    assert sum(row.status == "failed" for row in rows) == 8
    with pytest.raises(
        SearchError,
        match=r"^8 of 8 trials failed, most often of RuntimeError: no such camera; mend that and go on: "
        r"python tune_main.py --resume runs/age_bands$",
    ):
        tune_main._finish(plan.folder, rows)

    (plan.folder / "mended.txt").touch()
    rows = search.resume(search.resumable(plan.folder), MostFailTrial)
    assert record.read(plan.folder)["state"] == "finished"
    assert sorted(row.status for row in rows) == ["failed"] * 8 + ["finished"] * 4
    assert record.read(plan.folder)["failed"][0]["reason"] == "RuntimeError: no such camera"
    assert tune_main._finish(plan.folder, rows) == 3


def test_failed_trials_are_told_by_reason() -> None:
    groups = [
        {"reason": "RuntimeError: broken on purpose", "diverged": False, "trials": ["trial-002", "trial-005"]},
        {"reason": "loss became nan", "diverged": True, "trials": ["trial-003"]},
    ]
    assert failures.described(groups) == (
        "3 trials failed: 2 x RuntimeError: broken on purpose (trial-002, trial-005); 1 x loss became nan (trial-003)"
    )


def test_a_failed_trial_that_ray_has_not_told_the_study_of_is_exported_as_failed(
    make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = make_plan()
    searcher = study.searcher(plan.space, 1, "mine")
    searcher.suggest("a")
    searcher.suggest("b")
    searcher.on_trial_complete("a", error=True)
    study.export(searcher, tmp_path, ["a", "b"])
    found = optuna.load_study(study_name="mine", storage=f"sqlite:///{tmp_path / 'study.db'}")
    states = [trial.state.name for trial in found.trials]
    assert (states[:2], "RUNNING" in states) == (["FAIL", "FAIL"], False)


def epochs_begun(plan: Plan, trial: str) -> list[int]:
    return list(map(int, (plan.folder / trial / "begun.txt").read_text().split()))
