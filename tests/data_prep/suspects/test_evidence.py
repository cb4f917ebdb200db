"""Which networks judge whom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from common.errors import SearchError
from data_prep.store.store import Store
from data_prep.suspects.evidence import gather
from tests.data_prep.suspects.trials import FOLDS, describe, said, save, search, unlabelled


def test_photos_that_are_not_fully_labelled_are_in_nobodys_val(tmp_path: Path) -> None:
    store = unlabelled(tmp_path / "store")
    found = gather(search(tmp_path, store), store)
    assert set(store.person) - set(store.person[found.rows]) == {"p00", "p01"} and found.missing == 0


def test_folds_judge_everybody_and_each_by_the_one_network_that_had_not_seen_them(
    tmp_path: Path, small_store: Store
) -> None:
    folder = search(tmp_path, small_store)
    found = gather(folder, small_store)
    everybody = np.sort(np.concatenate([small_store.rows("train"), small_store.rows("val")]))
    assert np.array_equal(found.rows, everybody)
    assert (found.scores, found.folds, found.missing, found.running) == ((0.5,) * 4, 4, 0, False)
    for fold in range(FOLDS):
        rows = small_store.with_folds(FOLDS, fold).rows("val")
        places = np.searchsorted(found.rows, rows)
        assert np.allclose(found.probabilities[places], said(small_store, rows, {}, seed=fold))


def test_networks_of_one_photo_are_averaged(tmp_path: Path, small_store: Store) -> None:
    folder = search(tmp_path, small_store, folds=0)
    rows = small_store.rows("val")
    save(folder / "trial-002", small_store, rows, seed=7)
    found = gather(folder, small_store)
    assert np.allclose(found.probabilities, (said(small_store, rows, {}) + said(small_store, rows, {}, seed=7)) / 2)
    assert (found.scores, found.folds, found.missing) == ((0.5, 0.5), 0, 36)


def test_a_confirmation_with_seeds_or_without_predictions_is_not_one_on_folds(
    tmp_path: Path, small_store: Store
) -> None:
    folder = search(tmp_path, small_store, folds=0)
    describe(folder / "confirm", small_store)
    save(folder / "confirm" / "trial-001", small_store, small_store.rows("val"))
    describe(folder / "confirm-2", small_store, settings={"train/folds": 2})
    found = gather(folder, small_store)
    assert (len(found.scores), found.folds) == (1, 0)
    for fold in range(2):
        save(folder / "confirm-2" / f"trial-{fold}", small_store, small_store.with_folds(2, fold).rows("val"))
    found = gather(folder, small_store)
    assert (len(found.scores), found.folds) == (2, 2)


def test_a_trial_that_is_of_no_fold_is_refused(tmp_path: Path, small_store: Store) -> None:
    folder = search(tmp_path, small_store)
    save(folder / "confirm" / "trial-009", small_store, small_store.rows("val"))
    with pytest.raises(SearchError, match=r"trial-009/val_predictions\.npz is not of one of the 4 folds"):
        gather(folder, small_store)


def test_a_trial_of_other_photos_than_val_is_refused(tmp_path: Path, small_store: Store) -> None:
    folder = search(tmp_path, small_store, folds=0)
    save(folder / "trial-002", small_store, small_store.rows("train"))
    with pytest.raises(SearchError, match="is not of the store's val, so it may be of photos trained on"):
        gather(folder, small_store)
