"""Two searches' winners, compared on the same val people."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from common.command_line import exit_code
from common.search_folder import VAL_PREDICTIONS
from data_prep.store.store import Store
from tests.tuning.report import drawn
from tuning import compare
from tuning.records import leaderboard


@pytest.fixture
def searches(make_plan, small_store: Store, tmp_path: Path) -> list[Path]:
    """Two searches of one store; the second one's winner is right about everybody, the first's about nine in ten."""
    folders = [tmp_path / "runs/first", tmp_path / "runs/second"]
    for folder, wrong in zip(folders, (10, 10**9), strict=True):
        drawn.search(make_plan, small_store, folder, trials=3)
        rows = small_store.labelled("val")
        guess = small_store.classes()[rows].copy()
        guess[::wrong] = (guess[::wrong] + 1) % 18
        best = leaderboard.read(folder)[0].trial
        fields = {"rows": rows, "store_hash": small_store.hash, "epoch": 1, "val_f1": 0.9}
        np.savez(folder / best / VAL_PREDICTIONS, probabilities=np.eye(18, dtype=np.float32)[guess], **fields)
    return folders


def test_the_better_winner_is_told_with_its_interval(searches: list[Path], capsys) -> None:
    assert compare.main([str(each) for each in searches]) == 0
    first, second, gain = capsys.readouterr().out.splitlines()
    assert re.match(r"first/trial-00\d: 0\.\d{3}  0\.\d{3} to 0\.\d{3}  \(best of 3, 0\.\d\d trial-hours\)", first)
    assert second.startswith("second/trial-00")
    assert re.match(r"second above first, on the same val people: \+\.\d{3}, [-+]\.\d{3} to \+\.\d{3}: ", gain)


def test_what_cannot_be_compared_is_told(searches: list[Path], tmp_path: Path, capsys) -> None:
    assert exit_code(lambda: compare.main([str(searches[0]), str(tmp_path / "nowhere")])) == 2
    assert "holds no search" in capsys.readouterr().err
    best = leaderboard.read(searches[1])[0].trial
    (searches[1] / best / VAL_PREDICTIONS).unlink()
    assert exit_code(lambda: compare.main([str(each) for each in searches])) == 2
    assert "val_predictions.npz cannot be read" in capsys.readouterr().err
