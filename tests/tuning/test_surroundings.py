"""What a search meets around it when it goes on: other cores, another name, a machine that runs short of memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from data_prep.store.store import Store
from tests.helpers import forked_program
from tests.tuning.helpers.curve_trial import CurveTrial, SlowTrial, WeighedTrial
from tests.tuning.test_faults import epochs_of, epochs_reported, interrupted_when, state
from tuning import resume, search
from tuning.command.machine import Machine, changes
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.records import reasons, search_json


def had(folder: Path) -> list[str]:
    return (folder / "has.txt").read_text().splitlines()


NOTHING = SimpleNamespace(cpus_per_trial=None, gpus_per_trial=None)


def test_trials_go_on_with_fewer_cores_than_they_had_and_new_ones_have_as_few(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    plan = make_plan(budget=Budget(trials=2), epochs=6, grace=6, resources=Resources(cpus=2, gpus=0, concurrent=1))
    with interrupted_when(lambda: epochs_of(plan, "trial-001") >= 2):
        search.run(plan, small_store, WeighedTrial)
    left = resume.resumable(plan.folder)
    here = Machine(((1, 0),)).planned_here(left.plan, NOTHING)
    assert changes(left.plan, here) == ["a trial has 1 core, no GPU now, and had 2 cores, no GPU"]
    search.resume(resume.Resumable(here, left.spent, left.notes), WeighedTrial)
    assert state(plan) == "finished"
    assert {*had(plan.folder / "trial-001")} == {"(2.0, 2)", "(1.0, 1)"}
    assert {*had(plan.folder / "trial-002")} == {"(1.0, 1)"}
    assert search_json.read(plan.folder).plan["resources"]["cpus"] == 1


def test_cores_that_are_asked_for_win_over_those_that_trials_had(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan(resources=Resources(cpus=2, gpus=1, concurrent=1))
    asked = SimpleNamespace(cpus_per_trial=4, gpus_per_trial=None)
    assert Machine(((8, 2),)).planned_here(plan, asked).resources == Resources(cpus=4, gpus=1, concurrent=2)
    here = Machine(((8, 0),)).planned_here(plan, asked)
    assert here.resources == Resources(cpus=4, gpus=0, concurrent=2)
    assert changes(plan, here) == [
        "a trial has 4 cores, no GPU now, and had 1 GPU + 2 cores",
        "what was spent before was counted in GPU-hours, and now trial-hours",
        "2 trials at a time fit here, and 1 did before",
    ]
    unseen = Machine(((1, 1),), "auto", seen=False)
    assert unseen.planned_here(plan, NOTHING) == plan


def test_a_search_that_was_renamed_goes_on_whatever_its_name_is(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store, tmp_path: Path
) -> None:
    """It begins below folders of odd names, and has an odd name itself when it goes on, another each time."""
    one_at_a_time = Resources(cpus=1, gpus=0, concurrent=1)
    folder = tmp_path / "r[1]{x}%20 a?b#c*" / "[bold]" / "age_bands"
    plan = make_plan(folder=folder, budget=Budget(trials=2), epochs=4, grace=4, resources=one_at_a_time)
    with interrupted_when(lambda: epochs_of(plan, "trial-001") >= 2):
        search.run(plan, small_store, SlowTrial)
    renamed = plan.folder.rename(plan.folder.with_name("*"))
    with interrupted_when(lambda: epochs_of(replace(plan, folder=renamed), "trial-002") >= 2):
        search.resume(resume.resumable(renamed), SlowTrial)
    again = renamed.rename(plan.folder.with_name("-try[1] "))
    rows = search.resume(resume.resumable(again), CurveTrial)
    assert [row.epochs for row in rows] == [4, 4]
    assert [list(epochs_reported(again / f"trial-00{number}")) for number in (1, 2)] == [[1, 2, 3, 4]] * 2
    assert {"study.db", "trial-001", "trial-002"} <= {file.name for file in again.iterdir()}
    assert list(folder.parent.iterdir()) == [again]


SHORT = """1 (occurred at 2026-11-27_00-26-56)
1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: 127.0.0.1) was 1.87GB used
Top 10 memory users: PID	MEM(GB)	COMMAND
9588	0.05	ray::IDLE
Refer to the documentation on how to address the out of memory issue: https://docs.ray.io/en/latest
"""
OLDER = SHORT.replace("1 worker(s) were", "Task was")
RAISED = """1 (occurred at 2026-11-27_00-26-56)
ray::RayTrial.train() (pid=1, ip=127.0.0.1)
  File "x.py", line 1, in step
RuntimeError: killed due to the node running low on memory
"""
DIED = "1 (occurred at 2026-11-27_00-26-56)\nThe actor died unexpectedly before finishing this task.\n"
IN_SENTENCE = "worker killed, as the machine ran short of memory; fewer trials at a time need less (--cpus-per-trial)"


@pytest.mark.parametrize(
    ("text", "why", "is_exception"),
    [
        (SHORT, IN_SENTENCE, False),
        (OLDER, IN_SENTENCE, False),
        (RAISED, "RuntimeError: killed due to the node running low on memory", True),
        (DIED, "worker died", False),
    ],
)
def test_a_worker_that_the_memory_monitor_killed_is_lost_and_has_not_failed(
    text: str, why: str, is_exception: bool, tmp_path: Path
) -> None:
    (tmp_path / "error.txt").write_text(f"Failure # {text}")
    run, storage = SimpleNamespace(last_result={}), SimpleNamespace(trial_fs_path=str(tmp_path))
    trial = SimpleNamespace(local_path=str(tmp_path), run_metadata=run, storage=storage)
    assert reasons.reason(trial) == why
    assert reasons._is_exception(reasons._last_failure(trial)) is is_exception


DRIVER = """
import sys
from pathlib import Path
from tests.tuning.helpers.curve_trial import SlowTrial
from tests.tuning.helpers.plans import small_plan
from data_prep.store.store import Store
from tuning import search
from tuning.callbacks import failures
from tuning.cluster import session
from tuning.plan.budget import Budget
from tuning.plan.resources import Resources

failures.DEATHS = int(sys.argv[3])
store = Store.open(sys.argv[2])
session.start_ray()
plan = small_plan(Path(sys.argv[1]), store, budget=Budget(trials=1), resources=Resources(1, 0, 1))
search.run(plan, store, SlowTrial)
"""


TRIES = 2
"""Of a lost worker there; a worker takes three seconds to start, and four of them would show no more."""


def test_a_machine_that_stays_short_of_memory_fails_a_trial_after_as_many_tries_as_a_lost_worker_has(
    small_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_memory_usage_threshold", "0.001")  # any use is too much
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    runs = tmp_path / "runs"
    forked_program.run(["-c", DRIVER, runs, small_store.path, TRIES - 1])
    failed = json.loads((runs / "age_bands/search.json").read_text())["failed"]
    assert failed == [{"reason": IN_SENTENCE, "diverged": False, "trials": ["trial-001"]}]
    error = (runs / "age_bands/trial-001/error.txt").read_text()
    assert re.findall(r"Failure # (\d+) ", error)[-1] == str(TRIES)
