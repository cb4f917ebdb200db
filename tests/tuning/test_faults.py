"""A search that is killed, interrupted or out of budget, and goes on: it ends as if nothing had happened."""

import json
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest

from common.errors import OptionError, SearchError
from common.repository import ROOT
from data_prep.store.store import Store
from tests.helpers.forked_program import Program
from tests.helpers.patience import HANGS
from tests.tuning.helpers.curve_trial import HURRY, CurveTrial, SlowTrial, val_f1
from tests.tuning.helpers.plans import begin, change
from tests.tuning.helpers.undisturbed import Undisturbed, rungs, schedulers
from tuning import resume, search
from tuning.algorithms import study_file
from tuning.background import meanwhile
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.records import provenance, search_json
from tuning.storage import states

DRIVER = """
import sys
from pathlib import Path
from tests.tuning.helpers.curve_trial import SlowTrial
from tests.tuning.helpers.plans import small_plan
from data_prep.store.store import Store
from tuning import search
from tuning.cluster import session
from tuning.plan.resources import Resources

store = Store.open(sys.argv[2])
session.start_ray()
search.run(small_plan(Path(sys.argv[1]), store, resources=Resources(1, 0, 1)), store, SlowTrial)
"""


def test_killed_once_and_interrupted_once_a_search_ends_as_an_undisturbed_one_does(
    make_plan: Callable[..., Plan], small_store: Store, calm: Undisturbed
) -> None:
    disturbed = make_plan(resources=calm.plan.resources)
    kill_when(disturbed, small_store, lambda: epochs_of(disturbed, "trial-002") >= 2)
    with interrupted_when(lambda: epochs_of(disturbed, "trial-003") >= 3):
        search.resume(resume.resumable(disturbed.folder), SlowTrial)
    assert state(disturbed) == "interrupted"
    (disturbed.folder / HURRY).touch()
    with schedulers() as made:
        search.resume(resume.resumable(disturbed.folder), SlowTrial)

    assert rungs(made[-1]) == calm.rungs
    assert board(disturbed).drop(columns="seconds").equals(board(calm.plan).drop(columns="seconds"))
    assert study(disturbed) == study(calm.plan)
    for folder in sorted(calm.plan.folder.glob("trial-*")):
        assert epochs_reported(disturbed.folder / folder.name) == epochs_reported(folder)


def test_with_two_at_a_time_what_had_ended_stays_and_what_ran_goes_on(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    plan = make_plan()
    with interrupted_when(lambda: epochs_of(plan, "trial-003") >= 2):
        search.run(plan, small_store, SlowTrial)
    before = board(plan)
    assert state(plan) == "interrupted"
    done = before[before["status"].isin(["finished", "stopped"])]

    (plan.folder / HURRY).touch()
    search.resume(resume.resumable(plan.folder), SlowTrial)

    after = board(plan)
    assert state(plan) == "finished"
    assert len(after) == 6
    assert set(after["status"]) <= {"finished", "stopped"}
    assert len(done) > 0
    assert after.loc[done.index, "epochs"].equals(done["epochs"])
    assert after["val_f1_best"].max() == pytest.approx(val_f1(58, 9))


def test_a_search_that_is_killed_before_it_says_that_it_has_ended_does_so_when_it_goes_on(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*arguments: Any) -> None:
        raise RuntimeError("killed")

    plan = make_plan(budget=Budget(trials=2), resources=Resources(cpus=1, gpus=0, concurrent=1))
    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(study_file, "write", kill)
        search.run(plan, small_store, CurveTrial)
    search.resume(resume.resumable(plan.folder), CurveTrial)
    assert state(plan) == "finished"
    assert len(study(plan)) == len(board(plan)) == 2


def test_a_budget_ends_a_search_that_goes_on_with_more_and_takes_more_trials_when_it_has_finished(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    one_at_a_time = Resources(cpus=1, gpus=0, concurrent=1)
    plan = make_plan(budget=Budget(trials=4, gpu_hours=1 / 3600), resources=one_at_a_time)
    search.run(plan, small_store, SlowTrial)
    first = search_json.read(plan.folder).spent
    assert state(plan) == "budget spent"
    assert first["gpu_hours"] >= 1 / 3600
    with pytest.raises(OptionError, match=r"has spent its 0.000277778 GPU-hours; to go on, give it more"):
        resume.resumable(plan.folder)

    (plan.folder / HURRY).touch()
    search.resume(resume.resumable(plan.folder, {"gpu_hours": "+1"}), SlowTrial)
    second = search_json.read(plan.folder).spent
    assert state(plan) == "finished"
    assert second["gpu_hours"] > first["gpu_hours"]
    assert len(board(plan)) == 4
    with pytest.raises(SearchError, match=r"is finished: to go on with it, give it more: --trials \+20"):
        resume.resumable(plan.folder)
    with pytest.raises(OptionError, match="has started 4 trials already, but got 3"):
        resume.resumable(plan.folder, {"trials": "3"})

    before = board(plan)
    search.resume(resume.resumable(plan.folder, {"trials": "+2"}), CurveTrial)
    assert state(plan) == "finished"
    assert len(board(plan)) == 6
    assert board(plan).loc[before.index, "epochs"].equals(before["epochs"])
    assert len(study(plan)) == 6


def test_a_search_whose_newest_state_is_damaged_goes_on_from_the_one_before_and_without_any_it_is_refused(
    calm: Undisturbed, tmp_path: Path
) -> None:
    plan = replace(calm.plan, folder=shutil.copytree(calm.plan.folder, tmp_path / "runs/age_bands"))
    before = board(plan)
    for file in plan.folder.glob("experiment_state-*.json"):  # Ray's own copy
        file.write_text(file.read_text()[:1000])
    damage(newest_state(plan))
    search.resume(resume.resumable(plan.folder, {"trials": "+1"}), CurveTrial)
    assert board(plan).loc[before.index, "epochs"].equals(before["epochs"])
    assert len(board(plan)) == 7

    for each in (plan.folder / "state").iterdir():
        damage(each)
    with pytest.raises(SearchError, match=r"the state of the search cannot be read, none of its . copies is whole"):
        search.resume(resume.resumable(plan.folder, {"trials": "+2"}), CurveTrial)
    assert len(board(plan)) == 7


def test_what_has_changed_since_a_search_began_is_said(
    make_plan: Callable[..., Plan], small_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan()
    begin(plan, small_store.hash)
    for pattern in states.RAYS:
        (plan.folder / pattern.replace("*", "1")).touch()
    assert resume.resumable(plan.folder).notes == []
    about = search_json.read(plan.folder)
    space = about.plan["space"]
    space["distributions"]["labels/old_from"]["attributes"]["low"] = 50
    change(plan.folder, space=space, versions={**about.versions, "torch": "2.8.0"}, code="another")
    notes = "\n".join(resume.resumable(plan.folder).notes)
    assert "the training code has changed since" in notes
    assert "and was 2.8.0" in notes
    assert "the space age_bands has changed since: the search goes on with the one it began with" in notes
    assert resume.resumable(plan.folder).plan.space.distributions["labels/old_from"].low == 50


def test_kernels_for_gpus_are_training_code_too() -> None:
    assert {"loop.py", "augment.cu"} < {file.name for file in provenance._sources(ROOT / "trainable")}


def kill_when(plan: Plan, store: Store, ready: Callable[[], bool]) -> None:
    """Begin `plan` in a process of its own, and kill that once `ready`."""
    driver = Program(["-c", DRIVER, plan.folder.parent, store.path])
    deadline = time.monotonic() + HANGS
    while not ready():
        assert driver.poll() is None, "the search ended by itself"
        assert time.monotonic() < deadline, "never ready"
        time.sleep(0.1)
    driver.kill()
    driver.wait()


@contextmanager
def interrupted_when(ready: Callable[[], bool]) -> Iterator[None]:
    """Within, this process gets SIGINT once `ready`, as its Ctrl-C; programs are told in test_signals.py."""

    def interrupt(ended: threading.Event) -> None:
        while not ended.wait(0.05):
            if ready():
                os.kill(os.getpid(), signal.SIGINT)
                return

    with meanwhile(interrupt):
        yield


def board(plan: Plan) -> pd.DataFrame:
    return pd.read_csv(plan.folder / "leaderboard.csv").set_index("trial").sort_index()


def epochs_of(plan: Plan, trial: str) -> int:
    """As soon as they are reported: the leaderboard may be seconds late."""
    file = plan.folder / trial / "result.json"
    return len(file.read_text().splitlines()) if file.exists() else 0


def epochs_reported(folder: Path) -> dict[int, float]:
    """Epoch -> val_f1, the last report of one that was repeated."""
    lines = map(json.loads, (folder / "result.json").read_text().splitlines())
    return {line["training_iteration"]: line["val_f1"] for line in lines}


def newest_state(plan: Plan) -> Path:
    return max((plan.folder / "state").iterdir())


def damage(state: Path) -> None:
    file = next(state.glob("searcher-state-*.pkl"))
    file.write_bytes(file.read_bytes()[:-100])


def state(plan: Plan) -> str:
    return str(search_json.read(plan.folder).state)


def study(plan: Plan) -> list[tuple[Any, ...]]:
    found = optuna.load_study(study_name="age_bands", storage=f"sqlite:///{plan.folder / 'study.db'}")
    return [(trial.state, trial.params, trial.value, trial.intermediate_values) for trial in found.trials]
