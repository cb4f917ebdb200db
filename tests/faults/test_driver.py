"""The driver is killed at random moments and resumed each time: nothing that was decided is lost."""

import dataclasses
import random
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from common import search_state
from data_prep.store.store import Store
from tests.faults import driving
from tests.faults.conftest import Campaign
from tests.tuning.helpers.curve_trial import val_f1
from tests.tuning.test_faults import board, epochs_reported, study
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.records import leaderboard, search_json
from tuning.records.results import reported
from tuning.records.rows import ENDED, Row


def test_a_search_whose_driver_is_killed_ends_as_an_undisturbed_one(
    campaign: Campaign,
    undisturbed: Callable[..., tuple[Plan, Plan]],
    small_store: Store,
) -> None:
    kills = campaign.count(few=0, many=20)
    if not kills:
        pytest.skip("one kill is in tests/tuning/test_faults.py: make faults")
    trials = 4 + kills
    calm, disturbed = undisturbed(trials)
    source = random.Random(0)
    done = forgotten = 0
    for _ in range(kills):
        driver = driving.start(disturbed.folder.parent, small_store.path, trials, concurrent=1)
        # A driver that resumes takes seconds to start Ray: most moments are after that.
        ended_by_itself = wait(driver, seconds=source.uniform(0.5, 12) if disturbed.folder.exists() else 12)
        driver.kill()
        driver.wait()
        done, forgotten = done + (not ended_by_itself), forgotten + unknown(disturbed)
    if not is_finished(disturbed):
        assert driving.start(disturbed.folder.parent, small_store.path, trials, concurrent=1).wait() == 0

    assert board(disturbed).drop(columns="seconds").equals(board(calm).drop(columns="seconds"))
    assert study(disturbed) == study(calm)
    assert {folder.name for folder in disturbed.folder.glob("trial-*")} == set(board(calm).index)
    for folder in calm.folder.glob("trial-*"):
        assert epochs_reported(disturbed.folder / folder.name) == epochs_reported(folder), folder.name
    repeated = [times_repeated(folder) for folder in disturbed.folder.glob("trial-*")]
    assert sum(repeated) <= forgotten + done, "done again is what no state knew, and the epoch that ran"
    campaign.record(kills=done, trials=trials, epochs=int(board(calm)["epochs"].sum()), epochs_repeated=sum(repeated))


def test_two_at_a_time_each_trial_is_what_it_would_be_whenever_the_driver_is_killed(
    campaign: Campaign, request: pytest.FixtureRequest, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    """Who meets whom at a rung is chance then, and so what is proposed next. Promised is: trials keep their settings
    and go on from their last epoch, ended ones stay, scores are those of the settings, the study holds them all."""
    kills = campaign.count(few=0, many=20)
    if not kills:
        pytest.skip("one interrupt is in tests/tuning/test_faults.py: make faults")
    trials = 6 + kills
    plan = make_plan(resources=Resources(cpus=1, gpus=0, concurrent=2), budget=Budget(trials=trials))
    source, done = random.Random(2), 0
    before: list[Row] = []
    while not is_finished(plan):
        driver = driving.start(plan.folder.parent, small_store.path, trials, concurrent=2)
        if done < kills:
            ended_by_itself = wait(driver, seconds=source.uniform(4, 14))
            driver.kill()
            done += not ended_by_itself
        assert driver.wait() in (0, -9)
        now = leaderboard.read(plan.folder) if plan.folder.exists() and search_state.newest(plan.folder) else []
        found = {row.trial: row for row in now}
        for row in before:
            assert found[row.trial].settings == row.settings
            assert found[row.trial].epochs >= row.epochs
            assert row.status not in ENDED or dataclasses.replace(found[row.trial], seconds=row.seconds) == row
        before = now
    assert len(before) == trials
    for row in before:
        assert row.val_f1_best == pytest.approx(val_f1(row.settings["labels/old_from"], row.epochs)), row
    # Optuna's settings are named as ours are, and its values are what the leaderboard ranks by.
    told = sorted((state.name, params["labels/old_from"], value) for state, params, value, _ in study(plan))
    shown = {"finished": "COMPLETE", "stopped": "PRUNED"}
    assert told == sorted((shown[row.status], row.settings["labels/old_from"], row.val_f1_best) for row in before)
    campaign.record(kills=done, trials=trials, epochs=sum(row.epochs for row in before))


def wait(driver: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it ended by itself meanwhile."""
    try:
        driver.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def is_finished(plan: Plan) -> bool:
    return plan.folder.exists() and search_json.read(plan.folder).state == "finished"


def progress(plan: Plan) -> dict[str, int]:
    """Epochs that each trial has reported."""
    lines = {folder.name: [each["training_iteration"] for each in reported(folder)] for folder in folders(plan)}
    return {trial: max(each) for trial, each in lines.items() if each}


def known(plan: Plan) -> dict[str, int]:
    """Epochs of each trial that the newest state knows."""
    state = plan.folder.exists() and search_state.newest(plan.folder)
    return {row.trial: row.epochs for row in leaderboard.read(plan.folder)} if state else {}


def unknown(plan: Plan) -> int:
    """Epochs that were reported and that no state knows."""
    found = known(plan)
    return sum(max(0, epochs - found.get(trial, 0)) for trial, epochs in progress(plan).items())


def folders(plan: Plan) -> list[Path]:
    return sorted(plan.folder.glob("trial-*"))


def times_repeated(folder: Path) -> int:
    return sum(times - 1 for times in Counter(line["training_iteration"] for line in reported(folder)).values())
