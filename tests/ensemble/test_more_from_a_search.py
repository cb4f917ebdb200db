"""The vote with models that are no trials of the search: refits, those of a confirmation, a soup."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from common.command_line import exit_code
from data_prep.store.store import Store
from ensemble import select_and_predict
from ensemble.selection.choice import Chosen, val_votes
from ensemble.voting.tta import views
from tests.ensemble.confirmations import record
from tests.ensemble.searches import searched
from tests.helpers.small_networks import small_networks
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.predict import predict
from trainable.workbench import Workbench

SMALL = {"model/arch": "resnet18", "model/weights": "none", "train/epochs": 1}


@pytest.fixture
def search(tmp_path: Path, smallest_store: Store, one_thread: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    small_networks(monkeypatch)
    return searched(tmp_path / "runs", smallest_store, [None, None])


def train(folder: Path, store: Store, **settings: Any) -> Trial:
    """Train a small network for an epoch, and leave what a trial does."""
    flat = {**SMALL, **{key.replace("__", "/"): value for key, value in settings.items()}}
    trial = Trial(TrialConfig.from_flat(flat), store, Workbench(torch.device("cpu")))
    trial.run_epoch()
    trial.export_best(folder)
    return trial


def test_refits_vote_in_the_place_of_what_was_chosen_and_a_missing_one_is_a_line(
    search: Path, smallest_store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(search.parents[1])
    arguments = ["--search", str(search), "--members", "trial-001", "--tta", "1", "--refit"]
    assert exit_code(lambda: select_and_predict.main(arguments)) == 2
    error = capsys.readouterr().err
    assert error == (
        "error: --refit: trial-001 is not refitted yet, which is done by: "
        f"python tune_main.py --resume {search} --refit\n"
    )
    assert json.loads((search / "ensemble.json").read_text())["members"][0]["name"] == "trial-001"

    point = {"train/epochs": 1}
    trial = train(search / "refit/trial-001", smallest_store, train__refit=1)
    about = {"members": [{"name": "trial-001", "folders": ["trial-001"], "settings": point}]}
    where = {"path": str(smallest_store.path), "hash": smallest_store.hash}
    record(search / "refit", [("trial-001", "finished", point)], store=where, refits=about)
    assert select_and_predict.main([*arguments, "--test"]) == 0
    said = capsys.readouterr().out
    assert "as chosen on" in said and "its figures are of those that were chosen" in said
    assert exit_code(lambda: select_and_predict.main(["--search", str(search / "refit")])) == 2
    assert f"val cannot judge a refit; name its search: {search} --refit" in capsys.readouterr().err
    rows = smallest_store.rows("eval")
    told = predict(trial.model, trial._feed, rows, trial.preprocessing).argmax(axis=1)
    assert pd.read_csv(search / "submission.csv")["ans"].tolist() == told.tolist()
    kept = json.loads((search / "ensemble.json").read_text())
    assert kept["members"][0]["folders"][0]["folder"] == "trial-001"  # the choice is what it was
    assert kept["test"]["refit"] is True and kept["test_opened"] == 1


@pytest.fixture
def on_folds(search: Path, smallest_store: Store) -> Path:
    """The search, one of its trials confirmed on two folds."""
    for fold in (0, 1):
        train(search / f"confirm/trial-00{fold + 1}", smallest_store, train__folds=2, train__fold=fold)
    about = {
        "key": "train/fold",
        "runs": [0, 1],
        "trials": 2,
        "candidates": [{"name": "trial-002", "searched": 0.1, "settings": {}}],
    }
    trials = [(f"trial-00{fold + 1}", "finished", {"train/fold": fold}) for fold in (0, 1)]
    record(search / "confirm", trials, confirms=about)
    return search


def test_on_val_each_photo_is_shown_to_the_model_of_the_fold_that_has_not_seen_its_person(
    on_folds: Path, smallest_store: Store
) -> None:
    folders = (on_folds / "confirm/trial-001", on_folds / "confirm/trial-002")
    [told] = val_votes(smallest_store, [Chosen("confirm/trial-002", folders, 0.1)], views(1))
    val = smallest_store.labelled("val")
    judged = 0
    for folder in folders:
        with np.load(folder / "val_predictions.npz") as saved:
            rows, probabilities = saved["rows"], saved["probabilities"]
        unseen = np.isin(val, rows)
        judged += unseen.sum()
        assert told[unseen] == pytest.approx(probabilities[np.isin(rows, val)], abs=1e-4)
    assert judged == len(val)


def test_models_of_a_confirmation_vote_unless_trials_alone_are_to(
    on_folds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--search", str(on_folds), "--tta", "1"]
    assert select_and_predict.main([*arguments, "--members", "confirm/trial-002,trial-001"]) == 0
    assert "a model of the confirmation may vote, too" in (said := capsys.readouterr().out)
    assert "2 of 2 candidates vote" in said or "2 of 3 candidates vote" in said
    kept = json.loads((on_folds / "ensemble.json").read_text())
    models = {each["name"]: [model["folder"] for model in each["folders"]] for each in kept["members"]}
    assert models == {"trial-001": ["trial-001"], "confirm/trial-002": ["confirm/trial-001", "confirm/trial-002"]}
    assert (
        exit_code(lambda: select_and_predict.main([*arguments, "--members", "confirm/trial-002", "--trials-only"])) == 2
    )
    assert "--members confirm/trial-002: no such candidate" in capsys.readouterr().err


def test_a_soup_is_tried_if_asked_and_what_came_of_it_is_said(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert select_and_predict.main(["--search", str(search), "--tta", "1", "--soup"]) == 0
    assert "No soup: no other good trial shares its start with trial-00" in capsys.readouterr().out
