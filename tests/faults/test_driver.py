"""The driver is killed at random moments and resumed each time: nothing that was decided is lost."""

import json
import random
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.store.store import Store
from tests.faults import driving
from tests.faults.conftest import Campaign
from tests.tuning.curve_trial import CurveTrial
from tests.tuning.test_faults import board, study
from tuning import search
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.records import search_json


def test_a_search_whose_driver_is_killed_ends_as_an_undisturbed_one(
    campaign: Campaign,
    request: pytest.FixtureRequest,
    make_plan: Callable[..., Plan],
    small_store: Store,
    tmp_path: Path,
) -> None:
    kills = campaign.count(few=0, many=20)
    if not kills:
        pytest.skip("one kill is in tests/tuning/test_faults.py: make faults")
    request.getfixturevalue("ray_session")
    trials = 4 + kills
    one = {"resources": Resources(cpus=1, gpus=0, concurrent=1), "budget": Budget(trials=trials)}
    calm = make_plan(folder=tmp_path / "calm/age_bands", **one)
    search.run(calm, small_store, CurveTrial)

    disturbed = make_plan(**one)
    source = random.Random(0)
    done = 0
    for _ in range(kills):
        driver = driving.start(disturbed.folder.parent, small_store.path, trials, concurrent=1)
        # A driver that resumes takes seconds to start Ray: most moments are after that.
        ended_by_itself = wait(driver, seconds=source.uniform(0.5, 12) if disturbed.folder.exists() else 12)
        driver.kill()
        driver.wait()
        done += not ended_by_itself
    if not is_finished(disturbed):
        assert driving.start(disturbed.folder.parent, small_store.path, trials, concurrent=1).wait() == 0

    assert board(disturbed).drop(columns="seconds").equals(board(calm).drop(columns="seconds"))
    assert study(disturbed) == study(calm)
    assert {folder.name for folder in disturbed.folder.glob("trial-*")} == set(board(calm).index)
    repeated = [times_repeated(folder) for folder in disturbed.folder.glob("trial-*")]
    assert sum(repeated) <= 3 * done, (
        "a trial that runs repeats what the last second of a driver had done, at 0.3 s an epoch"
    )
    campaign.record(kills=done, trials=trials, epochs=int(board(calm)["epochs"].sum()), epochs_repeated=sum(repeated))


def wait(driver: subprocess.Popen[bytes], seconds: float) -> bool:
    """Whether it ended by itself meanwhile."""
    try:
        driver.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def is_finished(plan: Plan) -> bool:
    return plan.folder.exists() and search_json.read(plan.folder).state == "finished"


def times_repeated(folder: Path) -> int:
    lines = map(json.loads, (folder / "result.json").read_text().splitlines())
    return sum(times - 1 for times in Counter(line["training_iteration"] for line in lines).values())
