from pathlib import Path

import numpy as np
import pytest

from common.errors import EnsembleError
from data_prep.store.store import Store
from ensemble.selection.candidates import candidates


def save(folder: Path, store: Store, **changes: object) -> None:
    rows = store.rows("val")
    fields = {
        "probabilities": np.full((len(rows), 18), 1 / 18, np.float32),
        "rows": rows,
        "store_hash": store.hash,
        "epoch": 1,
        "val_f1": 0.1,
    }
    folder.mkdir(parents=True)
    np.savez(folder / "val_predictions.npz", **{**fields, **changes})
    (folder / "best.safetensors").touch()


def test_candidates_are_read_best_first(small_store: Store, tmp_path: Path) -> None:
    save(tmp_path / "trial-001", small_store, val_f1=0.2)
    save(tmp_path / "trial-002", small_store, val_f1=0.3)
    assert [found.name for found in candidates([tmp_path], small_store)] == ["trial-002", "trial-001"]


def test_a_trial_whose_weights_the_search_has_removed_is_no_candidate(small_store: Store, tmp_path: Path) -> None:
    for name in ("trial-001", "trial-002"):
        save(tmp_path / name, small_store)
    (tmp_path / "trial-001" / "best.safetensors").unlink()
    assert [found.name for found in candidates([tmp_path], small_store)] == ["trial-002"]


def test_predictions_on_another_store_are_refused(small_store: Store, tmp_path: Path) -> None:
    save(tmp_path / "trial-001", small_store, store_hash="other")
    with pytest.raises(EnsembleError, match="made on another store"):
        candidates([tmp_path], small_store)


def test_damaged_predictions_are_named(small_store: Store, tmp_path: Path) -> None:
    (tmp_path / "trial-001").mkdir()
    (tmp_path / "trial-001" / "val_predictions.npz").write_bytes(b"PK\x03\x04 no zip")
    (tmp_path / "trial-001" / "best.safetensors").touch()
    with pytest.raises(EnsembleError, match=r"val_predictions.npz is damaged"):
        candidates([tmp_path], small_store)


def test_trials_of_several_searches_are_told_apart_by_name(small_store: Store, tmp_path: Path) -> None:
    save(tmp_path / "a" / "trial-001", small_store, val_f1=0.2)
    save(tmp_path / "b" / "trial-001", small_store, val_f1=0.3)
    found = candidates([tmp_path / "a", tmp_path / "b"], small_store)
    assert [each.name for each in found] == ["b/trial-001", "a/trial-001"]


def test_a_search_without_a_trial_to_vote_is_refused(small_store: Store, tmp_path: Path) -> None:
    with pytest.raises(EnsembleError, match="nothing to vote; let the search run longer"):
        candidates([tmp_path], small_store)
