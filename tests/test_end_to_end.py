"""The three commands on a small store: a real search with ResNet18, its leaderboard, the ensemble's predictions."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from pathlib import Path

import numpy as np
import optuna
import pandas as pd
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import tune_main
from common.errors import OptionError
from data_prep.store.store import Store
from ensemble import select_and_predict
from tests.helpers.relabelled import mixed
from tests.tuning.helpers.plans import change
from trainable.best import load_best
from trainable.recipe.metrics import macro_f1
from tuning.plan import disk_need
from tuning.plan import plan as planning
from tuning.records import search_json


@pytest.fixture(autouse=True, scope="module")
def _one_at_a_time(one_core: None) -> None:
    """tests/tuning has two trials at a time."""


@pytest.fixture(scope="module")
def searched(ray_session: None, smallest_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished, deterministic search of three real trials, two epochs each; beside it are its largest size on disk,
    in peak.txt, and what it printed, in said.txt."""
    runs = tmp_path_factory.mktemp("runs")
    arguments = ["--space", "age_bands", "--data", str(smallest_store.path), "--runs", str(runs), "--deterministic"]
    length = ["--arch", "resnet18", "--trials", "3", "--epochs", "2", "--grace", "1", "--cpus-per-trial", "1"]
    with watched(runs / "age_bands") as sizes, (runs / "said.txt").open("w") as said, redirect_stdout(said):
        assert tune_main.main([*arguments, *length]) == 0
    (runs / "peak.txt").write_text(str(max(sizes)))
    return runs / "age_bands"


@contextmanager
def watched(folder: Path) -> Iterator[list[int]]:
    """Sizes of a folder in bytes, taken ten times a second while the block runs."""
    sizes, done = [0], threading.Event()

    def watch() -> None:
        while not done.wait(0.1):
            with suppress(FileNotFoundError):  # a file that went while it was looked at
                sizes.append(sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield sizes
    finally:
        done.set()
        thread.join()


def test_a_search_stays_within_the_disk_it_said_it_would_need(searched: Path) -> None:
    stated = disk_need.disk_gb(planning.from_record(searched, search_json.read(searched)))
    peak = int((searched.parent / "peak.txt").read_text()) / 1e9
    assert 0.1 * stated < peak <= stated


STATED = r"seed 42; CPU, 1 threads, \w+, Python 3\.\d+\.\d+, torch .*deterministic"


def test_every_trial_states_what_its_numbers_depend_on(searched: Path) -> None:
    for trial in sorted(searched.glob("trial-*")):
        said = (trial / "trial.log").read_text()
        assert re.search(STATED, said) and "not deterministic" not in said
        assert json.loads((trial / "result.json").read_text().splitlines()[0])["micro_batches"] == 1


def test_a_deterministic_search_that_was_moved_to_another_machine_goes_on_as_one_and_says_what_is_different_there(
    searched: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "deterministic: the same bits in every run on one device" in (searched.parent / "said.txt").read_text()
    search = shutil.copytree(searched, tmp_path / "there/age_bands")
    change(search, resources={"cpus": 1, "gpus": 0, "concurrent": 7})
    monkeypatch.setattr("common.machine.cpu_cores", lambda: 3)
    assert tune_main.main(["--resume", str(search), "--trials", "+1"]) == 0
    assert "Note: 3 trials at a time fit here, and 7 did before." in capsys.readouterr().out
    assert len(pd.read_csv(search / "leaderboard.csv")) == 4
    config, _, _ = load_best(search / "trial-004/best.safetensors")
    assert config.model.arch == "resnet18"
    assert not (searched / "trial-004").exists()
    said = (search / "trial-004/trial.log").read_text()
    assert re.search(STATED, said) and "not deterministic" not in said
    change(search, resources={"cpus": 1, "gpus": 1, "concurrent": 7}, state="interrupted")
    assert tune_main.main(["--resume", str(search), "--trials", "+1", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "Note: a trial has 1 core, no GPU now, and had 1 GPU + 1 core." in said
    assert "Note: what was spent before was counted in GPU-hours, and now trial-hours." in said
    with pytest.raises(OptionError, match="--gpus-per-trial 1: there is no GPU here"):
        tune_main.main(["--resume", str(search), "--trials", "+1", "--gpus-per-trial", "1"])


SPACE_THAT_DIVERGES = """
from optuna.distributions import FloatDistribution
SPACE = {"schedule/max_lr": FloatDistribution(1e-3, 1e30, log=True)}
FIXED = {"optimizer/name": "sgd", "schedule/warmup": 0}
START = [{"schedule/max_lr": 0.01}, {"schedule/max_lr": 1e30}]
"""


def test_a_trial_that_diverges_fails_at_once_naming_what_and_when_and_the_search_goes_on(
    ray_session: None, smallest_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "steep.py").write_text(SPACE_THAT_DIVERGES)
    arguments = ["--space", f"{tmp_path / 'steep.py'}:SPACE", "--data", str(smallest_store.path), "--trials", "3"]
    assert tune_main.main([*arguments, "--arch", "resnet18", "--epochs", "2", "--cpus-per-trial", "1"]) == 0
    board = pd.read_csv("runs/steep/leaderboard.csv").set_index("trial")
    failed = board[board["schedule/max_lr"] == 1e30]
    assert list(failed["status"]) == ["failed"]
    assert list(failed["epochs"]) == [1]
    assert set(board["status"]) == {"failed", "finished"}
    reason = Path("runs/steep", failed.index[0], "error.txt").read_text()
    assert re.match(r"train_loss became (nan|inf) in epoch 1, step \d+ of \d+ \(lr [\d.]+e\+\d+\)", reason)
    assert f"{failed.index[0]}  failed: train_loss became" in capsys.readouterr().out
    study = optuna.load_study(study_name="steep", storage="sqlite:///runs/steep/study.db")
    shown = {f"trial-{trial.number:03d}": trial.state.name for trial in study.trials}
    assert shown == {name: "FAIL" if name in failed.index else "COMPLETE" for name in board.index}


def test_every_trial_leaves_its_best_weights_and_its_val_predictions(searched: Path, smallest_store: Store) -> None:
    board = pd.read_csv(searched / "leaderboard.csv").set_index("trial")
    for folder in sorted(searched.glob("trial-*")):
        config, _, about = load_best(folder / "best.safetensors")
        saved = np.load(folder / "val_predictions.npz")
        val = smallest_store.rows("val")
        assert about["store_hash"] == str(saved["store_hash"]) == smallest_store.hash
        assert np.array_equal(saved["rows"], val)
        judged = macro_f1(smallest_store.classes()[val], saved["probabilities"].argmax(axis=1))
        assert judged == pytest.approx(board.loc[folder.name, "val_f1_best"])
        assert config.labels.old_from == board.loc[folder.name, "labels/old_from"]


def test_tensorboard_has_every_trials_pictures_and_no_memory_of_a_gpu_that_is_not_there(searched: Path) -> None:
    for folder in sorted(searched.glob("trial-*")):
        tags = set(EventAccumulator(str(folder)).Reload().Tags()["tensors"])
        assert {"pictures/first_batch", "pictures/confusion", "pictures/mistakes", "f1/age"} <= tags
        assert "system/gpu_memory_gb" not in tags
        assert not list(folder.glob("*.jpg"))


def test_trials_differ_only_in_what_the_space_varies(searched: Path) -> None:
    configs = [load_best(file)[0].to_flat() for file in sorted(searched.glob("*/best.safetensors"))]
    differing = {key for key in configs[0] if len({str(config[key]) for config in configs}) > 1}
    assert differing == {"labels/old_from"}


def test_the_ensemble_predicts_eval_and_opens_test_on_purpose(
    searched: Path, smallest_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--search", str(searched), "--members", "2", "--tta", "3"]
    assert select_and_predict.main(arguments) == 0
    said = capsys.readouterr().out
    assert "best single trial" in said
    assert "Test was opened" not in said

    predictions = pd.read_csv(searched / "predictions.csv")
    assert list(predictions.columns) == ["ImageID", "mask", "gender", "age", "probability"]
    submission = pd.read_csv(searched / "submission.csv")
    assert list(submission.columns) == ["ImageID", "ans"]
    for table in (predictions, submission):
        assert list(table["ImageID"]) == list(smallest_store.index["path"][smallest_store.rows("eval")])
    assert submission["ans"].between(0, 17).all()

    about = json.loads((searched / "ensemble.json").read_text())
    assert sum(member["weight"] for member in about["members"]) == pytest.approx(1)
    assert about["test"] is None

    assert select_and_predict.main([*arguments, "--test"]) == 0
    said = capsys.readouterr().out
    assert "Test was opened once" in said
    about = json.loads((searched / "ensemble.json").read_text())
    assert about["test"]["photos"] == len(smallest_store.rows("test"))
    score, gain = about["test"]["ensemble"], about["test"]["gain"]
    assert 0 <= score["low"] <= score["f1"] <= score["high"] <= 1
    assert gain["gain"] == pytest.approx(score["f1"] - about["test"]["best_single"]["f1"])
    assert f"{score['classes_seen']} of 18 classes seen" in said or score["classes_seen"] == 18


def test_photos_in_a_folder_are_predicted_as_they_are_in_the_store(
    searched: Path, smallest_store: Store, tmp_path: Path
) -> None:
    rows = smallest_store.rows("eval")
    (tmp_path / "photos").mkdir()
    for row, photo in zip(rows, smallest_store.read(rows), strict=True):
        Image.fromarray(photo).save(tmp_path / "photos" / f"{smallest_store.index['path'][row]}.png")
    common = ["--search", str(searched), "--tta", "1"]
    assert select_and_predict.main([*common, "--out", str(tmp_path / "eval.csv")]) == 0
    arguments = [*common, "--photos", str(tmp_path / "photos"), "--out", str(tmp_path / "photos.csv")]
    assert select_and_predict.main(arguments) == 0
    expected = pd.read_csv(tmp_path / "eval.csv")
    expected["ImageID"] += ".png"
    assert pd.read_csv(tmp_path / "photos.csv").equals(expected.sort_values("ImageID").reset_index(drop=True))


def test_a_dry_run_prints_the_plan_and_starts_nothing(
    smallest_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune_main.main(["--space", "age_bands", "--data", str(smallest_store.path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "at most 5 trials x 5 epochs = 25 epochs" in said
    assert not (tmp_path / "runs").exists()


def test_a_store_at_an_address_with_bands_of_its_own_and_labels_missing_is_searched_and_predicted_like_any_other(
    ray_session: None,
    rays_cache: Path,
    smallest_store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store = mixed(smallest_store, tmp_path / "store", bands=(25, 40))
    monkeypatch.setenv("MASKTUNE_CACHE", str(rays_cache))
    arguments = ["--space", "loss_weights", "--data", f"file://{store.path}", "--arch", "resnet18"]
    limits = ["--trials", "1", "--epochs", "1", "--cpus-per-trial", "1"]
    assert tune_main.main([*arguments, *limits]) == 0
    copy = rays_cache / "stores" / store.hash[:16]
    assert f"store: copied from file://{store.path} to {copy} in " in capsys.readouterr().out
    search = Path("runs/loss_weights")
    assert json.loads((search / "search.json").read_text())["store"]["path"] == f"file://{store.path}"
    said = (search / "trial-001/trial.log").read_text()
    assert f"store: the copy in {copy} of file://{store.path}" in said
    assert re.search(STATED, said) and "not deterministic" in said
    config, _, about = load_best(search / "trial-001/best.safetensors")
    assert (config.labels.young_below, config.labels.old_from) == (25, 40)
    assert about["store_hash"] == store.hash

    store.path.rename(store.path.with_name("gone"))
    assert select_and_predict.main(["--tta", "1", "--test"]) == 0
    assert f"the copy in {copy}" in capsys.readouterr().out
    on_test = json.loads((search / "ensemble.json").read_text())["test"]
    assert on_test["photos"] == len(store.labelled("test")) < len(store.rows("test"))
