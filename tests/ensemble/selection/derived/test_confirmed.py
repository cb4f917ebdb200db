"""Models of a confirmation are candidates: those of seeds each, those of folds together."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from common import search_state
from common.errors import EnsembleError
from common.files import file_sha256
from data_prep.store.store import Store
from ensemble.selection.derived.confirmed import confirmed
from tests.ensemble.confirmations import CANDIDATES, A, confirmation, leave, record
from trainable.recipe.metrics import macro_f1


def test_each_model_of_another_seed_is_a_candidate(tmp_path: Path, small_store: Store) -> None:
    told = confirmation(tmp_path / "confirm", small_store, "train/seed", [43, 44])
    found, notes = confirmed(tmp_path, small_store)
    assert [each.name for each in found] == [f"confirm/trial-00{number}" for number in (1, 2, 3, 4)]
    assert [each.folders for each in found] == [(tmp_path / each.name,) for each in found]
    assert all(np.array_equal(each.probabilities, told[each.folders[0].name]) for each in found)
    assert notes == []


def test_models_of_folds_are_one_candidate_that_says_of_a_photo_what_the_model_says_that_has_not_seen_its_person(
    tmp_path: Path, small_store: Store
) -> None:
    told = confirmation(tmp_path / "confirm-2", small_store, "train/fold", [0, 1, 2])
    found, notes = confirmed(tmp_path, small_store, "weekend/")
    assert [each.name for each in found] == ["weekend/confirm-2/trial-004", "weekend/confirm-2/trial-007"]
    assert notes == []
    val, classes = small_store.labelled("val"), small_store.classes()
    views = [small_store.with_folds(3, fold).labelled("val") for fold in range(3)]
    for number, each in enumerate(found):
        names = [f"trial-{1 + number + 2 * fold:03d}" for fold in range(3)]  # run by run
        assert [folder.name for folder in each.folders] == names
        for row, says in zip(val, each.probabilities, strict=True):
            [fold] = [fold for fold, rows in enumerate(views) if row in rows]
            assert np.array_equal(says, told[names[fold]][np.flatnonzero(views[fold] == row)[0]])
        assert each.val_f1 == macro_f1(classes[val], each.probabilities.argmax(axis=1))


def test_what_is_not_whole_does_not_vote_and_that_is_said(tmp_path: Path, small_store: Store) -> None:
    confirmation(tmp_path / "confirm", small_store, "train/fold", [0, 1, 2], unfinished=["trial-005"])
    confirmation(tmp_path / "confirm-2", small_store, "train/seed", [43, 44], unfinished=["trial-003"])
    (tmp_path / "confirm-2/trial-001/best.safetensors").unlink()
    found, notes = confirmed(tmp_path, small_store)
    assert [each.name for each in found] == ["confirm/trial-007", "confirm-2/trial-002", "confirm-2/trial-004"]
    assert notes == [
        "confirm/trial-004: 2 of its 3 folds have ended, so that it does not vote yet",
        "confirm-2: 2 of its models do not vote: not ended, or without a file",
    ]


def test_copies_of_trials_and_other_folders_are_no_candidates(tmp_path: Path, small_store: Store) -> None:
    confirmation(tmp_path / "confirm", small_store, "train/seed", [43])
    shutil.copytree(tmp_path / "confirm/trial-001", tmp_path / "confirm/trial-009")
    shutil.copytree(tmp_path / "confirm", tmp_path / "confirm-old")
    found, _ = confirmed(tmp_path, small_store)
    assert len(found) == len(CANDIDATES)


def test_a_search_without_a_confirmation_has_none(tmp_path: Path, small_store: Store) -> None:
    assert confirmed(tmp_path, small_store) == ([], [])


def test_a_damaged_record_is_said_and_the_rest_votes(tmp_path: Path, small_store: Store) -> None:
    confirmation(tmp_path / "confirm", small_store, "train/seed", [43])
    (tmp_path / "confirm-2").mkdir()
    (tmp_path / "confirm-2/search.json").write_text("{")
    found, notes = confirmed(tmp_path, small_store)
    assert len(found) == 2
    assert len(notes) == 1 and notes[0].startswith(f"{tmp_path}/confirm-2: its models do not vote, since its record")


def test_what_a_forged_record_says_is_no_trouble_to_the_rest(tmp_path: Path, small_store: Store) -> None:
    confirmation(tmp_path / "confirm", small_store, "train/seed", [43])
    record(tmp_path / "confirm-2", [("trial-001", "finished", {})])
    state = search_state.newest(tmp_path / "confirm-2")
    assert state is not None
    (state / "search.json").write_text(json.dumps({"confirms": {"key": "train/seed"}}))
    hashes = {name: file_sha256(state / name) for name in ("search.json", "trials.json")}
    (state / "manifest.json").write_text(json.dumps(hashes))
    found, [note] = confirmed(tmp_path, small_store)
    assert len(found) == 2 and "confirm-2: its models do not vote" in note and "confirms: a key, runs" in note


@pytest.mark.parametrize("fold", [None, [], 7, "0"])
def test_a_trial_of_no_fold_is_none_of_its_candidate(fold: object, tmp_path: Path, small_store: Store) -> None:
    about = {"key": "train/fold", "runs": [0, 1], "trials": 9, "candidates": CANDIDATES[:1]}
    for number in (1, 2):
        leave(tmp_path / f"confirm/trial-00{number}", small_store, {**A, "train/folds": 2, "train/fold": number - 1})
    points = [{**A, "train/fold": 0}, {**A, "train/fold": fold}]
    names = ["trial-001", "trial-002"]
    record(tmp_path / "confirm", [*zip(names, ["finished"] * 2, points, strict=True)], confirms=about)
    assert confirmed(tmp_path, small_store) == (
        [],
        ["confirm/trial-004: 1 of its 2 folds has ended, so that it does not vote yet"],
    )


def test_a_model_of_other_folds_than_its_record_says_is_refused(tmp_path: Path, small_store: Store) -> None:
    """Its predictions would be of people whom it has trained on."""
    confirmation(tmp_path / "confirm", small_store, "train/fold", [0, 1, 2])
    leave(tmp_path / "confirm/trial-003", small_store, {"train/folds": 4, "train/fold": 1})
    with pytest.raises(
        EnsembleError, match=r"trial-003/val_predictions.npz was made on another store than .* or on other"
    ):
        confirmed(tmp_path, small_store)


def test_predictions_of_another_store_or_damaged_ones_are_refused(
    tmp_path: Path, small_store: Store, smallest_store: Store
) -> None:
    confirmation(tmp_path / "confirm", smallest_store, "train/seed", [43])
    with pytest.raises(EnsembleError, match="was made on another store"):
        confirmed(tmp_path, small_store)
    (tmp_path / "confirm/trial-001/val_predictions.npz").write_bytes(b"PK")
    with pytest.raises(EnsembleError, match=r"trial-001/val_predictions.npz is damaged"):
        confirmed(tmp_path, smallest_store)
