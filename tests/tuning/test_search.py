import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import pytest
import ray
from ray.tune.search import ConcurrencyLimiter
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util import tensor_util

from common import search_state
from common.errors import SearchError, StoreError
from common.repository import ROOT
from data_prep.store.store import Store
from tests.tuning.helpers.curve_trial import BrokenTrial, CountingTrial, SilentTrial, val_f1
from tests.tuning.helpers.plans import begin, small_plan
from tuning import ray_internals, resume, search
from tuning.algorithms import tpe
from tuning.cluster import session
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources


@pytest.fixture(scope="module")
def finished(ray_session: None, small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A search of deterministic curves, run to its end."""
    plan = small_plan(tmp_path_factory.mktemp("finished"), small_store)
    search.run(plan, small_store, CountingTrial)
    return plan


def test_the_leaderboard_ranks_every_trial_by_its_best_val_f1(finished: Plan) -> None:
    board = pd.read_csv(finished.folder / "leaderboard.csv")
    assert len(board) == 6
    assert list(board["val_f1_best"]) == sorted(board["val_f1_best"], reverse=True)
    assert board["labels/old_from"][0] == 58
    assert board["val_f1_best"][0] == pytest.approx(val_f1(58, 9))
    assert set(board["status"]) <= {"finished", "stopped"}
    assert (board["epochs"][board["status"] == "finished"] == 9).all()


def test_asha_stops_some_trials_early(finished: Plan) -> None:
    board = pd.read_csv(finished.folder / "leaderboard.csv")
    assert (board["status"] == "stopped").any()
    assert board["epochs"].sum() < 6 * 9


def test_the_first_trials_are_the_spaces_starting_points(finished: Plan) -> None:
    board = pd.read_csv(finished.folder / "leaderboard.csv").sort_values("trial")
    first = board[list(finished.space.distributions)].head(len(finished.space.start)).to_dict("records")
    assert sorted(map(str, first)) == sorted(map(str, finished.space.start))


def test_search_json_says_what_ran_and_what_it_cost(finished: Plan, small_store: Store) -> None:
    about = json.loads((finished.folder / "search.json").read_text())
    board = pd.read_csv(finished.folder / "leaderboard.csv")
    assert about["state"] == "finished"
    assert about["store"]["hash"] == small_store.hash
    assert about["spent"]["epochs"] == board["epochs"].sum()
    assert about["versions"]["ray"]


def test_optunas_own_tools_open_the_study(finished: Plan) -> None:
    study = optuna.load_study(study_name="age_bands", storage=f"sqlite:///{finished.folder / 'study.db'}")
    board = pd.read_csv(finished.folder / "leaderboard.csv").sort_values("trial")
    assert study.best_value == pytest.approx(val_f1(58, 9))
    assert f"trial-{study.best_trial.number:03d}" == board.set_index("rank")["trial"][1]
    assert [trial.user_attrs["trial"] for trial in study.trials] == list(board["trial"])
    shown = {"finished": "COMPLETE", "stopped": "PRUNED"}
    assert [trial.state.name for trial in study.trials] == [shown[status] for status in board["status"]]
    assert [max(trial.intermediate_values) for trial in study.trials] == list(board["epochs"]), "the last epoch too"
    assert [trial.value for trial in study.trials] == pytest.approx(list(board["val_f1_best"]))


def test_a_trial_folder_has_rays_records_and_no_leftover_checkpoints(finished: Plan) -> None:
    names = {file.name.split(".")[0] for file in (finished.folder / "trial-001").iterdir()}
    assert {"result", "params", "events"} <= names
    assert not list(finished.folder.glob("*/checkpoint_*"))


def test_every_epoch_but_a_trials_last_is_checkpointed(finished: Plan) -> None:
    board = pd.read_csv(finished.folder / "leaderboard.csv").set_index("trial")
    for trial, epochs in board["epochs"].items():
        file = finished.folder / str(trial) / "saved.txt"
        saved = file.read_text().split() if file.exists() else []
        assert saved == [str(epoch) for epoch in range(1, epochs)]


def test_tensorboard_has_every_trials_curves_and_hyperparameters(finished: Plan) -> None:
    for folder in sorted(finished.folder.glob("trial-*")):
        events = EventAccumulator(str(folder)).Reload()
        board = pd.read_csv(finished.folder / "leaderboard.csv").set_index("trial").loc[folder.name]
        tags = events.Tags()["tensors"]
        assert {"f1/val", "f1/val_best", "loss/train", "optimizer/lr"} <= set(tags) and "val_f1" not in tags
        assert [event.step for event in events.Tensors("pictures/first_batch")] == [1]
        assert [event.step for event in events.Tensors("f1/val")] == list(range(1, board["epochs"] + 1))
        best = tensor_util.make_ndarray(events.Tensors("f1/val_best")[-1].tensor_proto)
        assert float(best) == pytest.approx(board["val_f1_best"])
        assert "leaderboard" in events.SummaryMetadata("f1/val_best").summary_description
        plugin = events.PluginTagToContent(metadata.PLUGIN_NAME)
        start = metadata.parse_session_start_info_plugin_data(plugin[metadata.SESSION_START_INFO_TAG])
        assert start.hparams["labels/old_from"].number_value == board["labels/old_from"]
        assert start.group_name.startswith(f"{folder.name.removeprefix('trial-')} {board['labels/young_below']}/")
        assert metadata.SESSION_END_INFO_TAG in plugin


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = Resources(cpus=1, gpus=0, concurrent=1)
    plan = make_plan(epochs=3, grace=3, resources=alone, budget=Budget(trials=3))
    rows = search.run(plan, small_store, BrokenTrial)
    assert [row.status for row in rows] == ["finished", "failed", "finished"]
    assert (rows[1].settings["labels/old_from"], rows[1].epochs) == (59, 1)
    said = capsys.readouterr().out
    assert "failed: RuntimeError: broken on purpose" in said
    assert re.search(r"^    [1-3] of 3 trials done", said, re.MULTILINE)
    assert "    0 of 3 trials done" not in said
    assert json.loads((plan.folder / "search.json").read_text())["state"] == "finished"
    study = optuna.load_study(study_name="age_bands", storage=f"sqlite:///{plan.folder / 'study.db'}")
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE"]
    assert study.trials[1].user_attrs["why it failed"] == "RuntimeError: broken on purpose"


def test_optuna_is_told_the_best_val_f1_of_a_stopped_trial_and_of_every_epoch_it_ran(finished: Plan) -> None:
    board = pd.read_csv(finished.folder / "leaderboard.csv").sort_values("trial")
    searcher = ConcurrencyLimiter(tpe.searcher(finished.space, finished.seed, finished.name), 1)
    state = search_state.newest(finished.folder)
    assert state is not None
    [kept] = state.glob("searcher-state-*.pkl")
    searcher.restore(str(kept))
    study, _ = ray_internals.study_of(searcher.searcher)
    stopped = (board["status"] == "stopped").to_numpy()
    told = np.array([trial.value for trial in study.trials])
    assert stopped.any()
    assert told == pytest.approx(board["val_f1_best"].to_numpy())
    assert all(trial.state == optuna.trial.TrialState.COMPLETE for trial in np.array(study.trials)[stopped])


def test_a_trial_that_never_reports_the_metric_fails_and_its_error_names_it(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    plan = make_plan(budget=Budget(trials=1))
    assert {row.status for row in search.run(plan, small_store, SilentTrial)} == {"failed"}
    said = (plan.folder / "trial-001/error.txt").read_text()
    assert "val_f1: a number from 0 to 1 is needed after every epoch, but got 'nothing'" in said


def test_a_search_does_not_resume_on_another_store(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan()
    begin(plan, "of another")
    with pytest.raises(SearchError, match="was killed before its first trial was recorded"):
        resume.resumable(plan.folder)
    for name in ("experiment_state-1.json", "search_gen_state-1.json", "searcher-state-1.pkl"):
        (plan.folder / name).touch()
    with pytest.raises(StoreError, match=r"is not the store that .* began with"):
        resume.resumable(plan.folder)


def test_ray_on_this_machine_is_the_searchs_own_and_keeps_copies_of_stores_where_the_driver_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[dict[str, Any]] = []

    def init(runtime_env: Mapping[str, Any] | None = None, **options: Any) -> None:
        asked.append({**options, "variables": runtime_env["env_vars"] if runtime_env else dict(os.environ)})

    monkeypatch.setattr(session.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(session.ray, "init", init)
    monkeypatch.delenv("MASKTUNE_CACHE", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")  # whatever token lies on this machine
    session.start_ray()
    monkeypatch.setenv("MASKTUNE_CACHE", "/scratch")
    session.start_ray("auto")
    assert [options["address"] for options in asked] == ["local", "auto"]
    assert [options["variables"].get("MASKTUNE_CACHE") for options in asked] == [None, "/scratch"]
    assert [options["variables"]["OMP_WAIT_POLICY"] for options in asked] == ["PASSIVE"] * 2


def test_variables_of_rays_workers_are_not_left_in_this_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: dict[str, str] = {}
    monkeypatch.setattr(session.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(session.ray, "init", lambda **options: seen.update(os.environ))
    monkeypatch.setenv("MASKTUNE_CACHE", "here")
    monkeypatch.setenv("PYTHONPATH", "mine")
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    session.start_ray()
    assert (seen["MASKTUNE_CACHE"], seen["PYTHONPATH"]) == (str(tmp_path / "here"), f"{ROOT}:mine")
    assert (os.environ["MASKTUNE_CACHE"], os.environ["PYTHONPATH"]) == ("here", "mine")
    assert "OMP_WAIT_POLICY" not in os.environ


def test_workers_have_the_variables_and_the_code(ray_session: None) -> None:
    @ray.remote
    def worker() -> tuple[str | None, str]:
        import tuning

        return os.environ.get("OMP_WAIT_POLICY"), str(Path(tuning.__file__).parents[1])

    assert ray.get(worker.remote()) == ("PASSIVE", str(ROOT))
