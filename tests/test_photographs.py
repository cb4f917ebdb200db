"""Photos that say only some of mask, gender and age go the whole way, by the commands that each program prints next."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import tune_main
from common.errors import SpaceError
from data_prep.__main__ import main as data_prep
from data_prep.labels import MASKS
from data_prep.store.store import Store
from data_prep.suspects.__main__ import main as suspects
from data_prep.task import FACTORS, Task
from ensemble.select_and_predict import main as vote
from tests.data_prep import drawn_layouts
from tests.data_prep.drawn_layouts import Folder
from tests.helpers.relabelled import relabelled
from tests.helpers.small_networks import small_networks
from tests.tuning.helpers.plans import begin, small_plan
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.workbench import Workbench
from tuning.replay.__main__ import main as replay

SHORT = ["--arch", "resnet18", "--weights", "none", "--epochs", "1", "--cpus-per-trial", "1"]


def two_masks(root: Path) -> Folder:
    images, labels = drawn_layouts.imagefolder(root)
    for photo in images.rglob("mask_weared_incorrect/*"):
        photo.unlink()
    return images, labels


@pytest.mark.parametrize(
    ("layout", "task", "space", "columns", "confirmed"),
    [
        (
            drawn_layouts.utkface,
            "gender x age band, 6 classes; no photo has a mask label",
            "age_bands",
            FACTORS[1:],
            True,
        ),
        (two_masks, "mask, 2 classes; no photo has a gender label;", "loss_weights", FACTORS[:1], False),
    ],
)
def test_photos_of_ones_own_go_from_a_folder_to_predictions(
    ray_session: None,
    one_core: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    layout: Callable[[Path], Folder],
    task: str,
    space: str,
    columns: tuple[str, ...],
    confirmed: bool,
) -> None:
    images, _ = layout(tmp_path)
    data_prep(["--images", str(images), "--out", "data/own", "--background", "keep"])
    said = capsys.readouterr().out
    assert f"task: {task}" in said
    typed = shlex.split(re.findall(r"python tune_main.py (.*)", said)[0])
    assert typed == ["--space", space, "--data", "data/own"]

    assert tune_main.main([*typed, *SHORT, "--trials", "2"]) == 0
    said = capsys.readouterr().out
    assert f"Task: {task}" in said and "profile photos" in said
    search = Path("runs", space)
    result = json.loads((search / "trial-001/result.json").read_text().splitlines()[0])
    assert {name for name in result if name.startswith("val_f1_")} == {
        "val_f1_best", "val_f1_low", "val_f1_high", *(f"val_f1_{factor}" for factor in columns)
    }  # fmt: skip
    if confirmed:
        assert tune_main.main(["--resume", str(search), "--confirm", "1", "--folds", "2"]) == 0
        store = Store.open("data/own")
        assert sorted(pd.read_csv(search / "confirm/leaderboard.csv")["train/fold"]) == [0, 1]
        verdict = json.loads((search / "confirm/confirmation.json").read_text())
        assert verdict["photos"] == sum(len(store.labelled(split)) for split in ("train", "val"))
    assert len(pd.read_csv(search / "leaderboard.csv")) == 2
    replay(["--search", str(search)])
    suspects(["--search", str(search)])
    assert set(pd.read_csv(search / "suspects.csv")["field"]) <= set(columns)
    capsys.readouterr()
    assert vote(["--search", str(search), "--tta", "2"]) == 0
    store = Store.open("data/own")
    assert f"Macro F1 over {store.task.classes} classes" in capsys.readouterr().out
    (tmp_path / "new").mkdir()
    drawn_layouts.draw(tmp_path / "new" / "a.png", "worn", "male", 24)
    assert vote(["--search", str(search), "--photos", str(tmp_path / "new"), "--out", "new.csv"]) == 0
    predicted = pd.read_csv("new.csv")
    assert list(predicted.columns) == ["ImageID", *columns, "probability"] and len(predicted) == 1
    assert all(predicted[factor][0] in store.task.values(factor) for factor in columns)


def test_a_space_that_the_task_cannot_use_is_refused_and_left_out_of_the_recipe(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images, _ = two_masks(tmp_path)
    data_prep(["--images", str(images), "--out", "data/own", "--background", "keep"])
    dry = ["--data", "data/own", "--weights", "none", "--dry-run"]
    for name in ("age_bands", "age_bands+crop_sizes"):
        with pytest.raises(
            SpaceError, match=r"age_bands.*: varies labels/young_below, but .* mask, 2 classes \(no photo"
        ):
            tune_main.main(["--space", name, *dry])
    capsys.readouterr()
    assert tune_main.main(["--space", "recipe", *dry]) == 0
    said = capsys.readouterr().out
    assert "labels/" not in said and "crop/height" in said and "schedule/decay" in said


ALL_TASKS = [
    (Task(factors, masks) if "mask" in factors else Task(factors))
    for factors in [("mask",), ("gender",), ("age",), ("mask", "gender"), ("mask", "age"), ("gender", "age"), FACTORS]
    for masks in ([MASKS, ("worn", "none")] if "mask" in factors else [MASKS])
]
QUICK = (2, 9, 18)
"""Numbers of classes that are tried every time; --full tries all."""


@pytest.mark.parametrize("task", ALL_TASKS, ids=str)
def test_every_task_is_trained_on_voted_on_and_judged(
    small_store: Store,
    tmp_path: Path,
    task: Task,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    one_thread: None,
) -> None:
    if task.classes not in QUICK and not request.config.getoption("--full"):
        pytest.skip("tried by --full")
    small_networks(monkeypatch)
    few = small_store.index.index % 7 >= 4  # each person's last three photos: worn, incorrect, none
    index = small_store.index[few].reset_index(drop=True)
    if "incorrect" not in task.masks:
        index.loc[index["mask"] == "incorrect", "mask"] = "none"
    store = relabelled(small_store, tmp_path / "store", index, rows=np.flatnonzero(few), task=task)
    assert (store.task, len(set(store.classes()) - {-1})) == (task, task.classes)
    plan = small_plan(tmp_path / "runs", store)
    begin(plan, store.hash)
    config = TrialConfig.from_flat(
        {**plan.settings, "model/arch": "resnet18", "model/weights": "none", "train/epochs": 1}
    )
    trial = Trial(config, store, Workbench(torch.device("cpu")))
    found = trial.run_epoch()
    told = {name.removeprefix("val_f1_") for name in found if name.startswith("val_f1_")}
    assert told == {"best", "low", "high", *task.factors}
    if len(task.factors) == 1:
        assert found["val_f1"] == found[f"val_f1_{task.factors[0]}"]
    assert trial.best is not None and trial.best.predictions.shape == (len(trial.val_rows), task.classes)
    trial.export_best(plan.folder / "trial-001")
    assert vote(["--search", str(plan.folder), "--tta", "1"]) == 0
    table = pd.read_csv(plan.folder / "predictions.csv")
    assert list(table.columns) == ["ImageID", *task.factors, "probability"]
    suspects(["--search", str(plan.folder)])
    assert set(pd.read_csv(plan.folder / "suspects.csv")["field"]) <= set(task.factors)
