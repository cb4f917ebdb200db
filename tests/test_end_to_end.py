"""The three commands on a small store: a real search with ResNet50, its leaderboard, the ensemble's predictions."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import tune_main
from data_prep.store import Store
from ensemble import select_and_predict
from trainable.checkpoint import load_best
from trainable.metrics import macro_f1


@pytest.fixture(scope="module")
def searched(ray_session: None, small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished search of three real trials, two epochs each."""
    runs = tmp_path_factory.mktemp("runs")
    arguments = ["--space", "age_bands", "--data", str(small_store.path), "--runs", str(runs)]
    assert tune_main.main([*arguments, "--trials", "3", "--epochs", "2", "--grace", "1", "--cpus-per-trial", "1"]) == 0
    return runs / "age_bands"


def test_every_trial_leaves_its_best_weights_and_its_val_predictions(searched: Path, small_store: Store) -> None:
    board = pd.read_csv(searched / "leaderboard.csv").set_index("trial")
    for folder in sorted(searched.glob("trial-*")):
        config, _, about = load_best(folder / "best.safetensors")
        saved = np.load(folder / "val_predictions.npz")
        val = small_store.rows("val")
        assert about["store_hash"] == str(saved["store_hash"]) == small_store.hash
        assert np.array_equal(saved["rows"], val)
        judged = macro_f1(small_store.classes()[val], saved["probabilities"].argmax(axis=1))
        assert judged == pytest.approx(board.loc[folder.name, "val_f1_best"])
        assert config.labels.old_from == board.loc[folder.name, "labels/old_from"]


def test_trials_differ_only_in_what_the_space_varies(searched: Path) -> None:
    configs = [load_best(file)[0].to_flat() for file in sorted(searched.glob("*/best.safetensors"))]
    differing = {key for key in configs[0] if len({str(config[key]) for config in configs}) > 1}
    assert differing == {"labels/old_from"}


def test_the_ensemble_predicts_eval_and_opens_test_once(
    searched: Path, small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--search", str(searched), "--members", "2", "--tta", "3"]
    assert select_and_predict.main(arguments) == 0
    said = capsys.readouterr().out
    assert "best single trial" in said
    assert "Test was opened before" not in said

    predictions = pd.read_csv(searched / "predictions.csv")
    assert list(predictions.columns) == ["ImageID", "ans"]
    assert list(predictions["ImageID"]) == list(small_store.index["path"][small_store.rows("eval")])
    assert predictions["ans"].between(0, 17).all()

    about = json.loads((searched / "ensemble.json").read_text())
    used = "vote" if len(about["views"]) == 1 else "vote_with_tta"
    assert about["val"][used] >= about["val"]["best_single"]
    assert about["test"]["photos"] == len(small_store.rows("test"))

    assert select_and_predict.main(arguments) == 0
    assert "Test was opened before" in capsys.readouterr().out


def test_photos_in_a_folder_are_predicted_as_they_are_in_the_store(
    searched: Path, small_store: Store, tmp_path: Path
) -> None:
    rows = small_store.rows("eval")
    (tmp_path / "photos").mkdir()
    for row, photo in zip(rows, small_store.read(rows), strict=True):
        Image.fromarray(photo).save(tmp_path / "photos" / f"{small_store.index['path'][row]}.png")
    common = ["--search", str(searched), "--tta", "1"]
    assert select_and_predict.main([*common, "--out", str(tmp_path / "eval.csv")]) == 0
    arguments = [*common, "--photos", str(tmp_path / "photos"), "--out", str(tmp_path / "photos.csv")]
    assert select_and_predict.main(arguments) == 0
    expected = pd.read_csv(tmp_path / "eval.csv")
    expected["ImageID"] += ".png"
    assert pd.read_csv(tmp_path / "photos.csv").equals(expected.sort_values("ImageID").reset_index(drop=True))


def test_a_dry_run_prints_the_plan_and_starts_nothing(
    small_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune_main.main(["--space", "age_bands", "--data", str(small_store.path), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "at most 5 trials x 5 epochs = 25 epochs" in said
    assert not (tmp_path / "runs").exists()
