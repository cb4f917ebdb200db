"""ensemble.json: a choice survives, also where its search is moved, and so does the count of what was opened."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from common.errors import EnsembleError
from data_prep.store.store import Store
from ensemble.selection.choice import Choice, Chosen, Step
from ensemble.selection.kept import Kept
from ensemble.selection.nested import Gain
from ensemble.selection.options import Options
from trainable.photos.views import View

TEST = {"photos": 7, "ensemble": {"f1": 0.7, "low": 0.6, "high": 0.8}, "best_single": 0.5}


def chosen(search: Path, name: str, weight: float = 1.0, folders: int = 1) -> Chosen:
    models = tuple(search / f"{name}{'abc'[n]}" for n in range(folders))
    for model in models:
        model.mkdir(parents=True)
        (model / "best.safetensors").write_text(name)
    return Chosen(name, models, 0.5, weight, 1.5)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    search, other = tmp_path / "a", tmp_path / "b"
    first, second = chosen(search, "trial-001", 0.75, folders=2), chosen(other, "trial-001", 0.25)
    steps = (
        Step("best single trial, trial-001", 0.5, 0.4, None, True),
        Step("vote of 2", 0.6, 0.45, Gain(0.05, 0.01, 0.09, 0.02), True),
    )
    views = (View(), View(flip=True))
    choice = Choice((first, second), first, (1.0, 1.5), views, Options(members=("x", "y")), steps, 9, "hash")
    return Kept(opened=2).with_choice(choice, [search, other], True).with_test(TEST)


def test_what_is_written_is_read_again_by_a_search_that_was_moved(kept: Kept, tmp_path: Path) -> None:
    kept.write(tmp_path / "a")
    assert Kept.read(tmp_path / "a") == kept
    shutil.move(tmp_path / "a", tmp_path / "moved")
    moved = Kept.read(tmp_path / "moved")
    assert moved.choice is not None and kept.choice is not None
    assert moved.choice.members[0].folders[0] == tmp_path / "moved" / "trial-001a"
    assert moved.choice.members[1] == kept.choice.members[1]
    assert moved.unfit([tmp_path / "moved", tmp_path / "b"], "hash", {}, True) is None


def test_a_search_without_the_file_has_opened_nothing(tmp_path: Path) -> None:
    assert Kept.read(tmp_path) == Kept() and Kept().opened == 0


@pytest.mark.parametrize(("test", "opened"), [({"photos": 84}, 1), (None, 0)])
def test_a_file_of_a_version_before_says_only_whether_test_was_opened(tmp_path: Path, test: Any, opened: int) -> None:
    about = {"store_hash": "x", "members": [{"trial": "trial-001", "val_f1": 0.5}], "test": test}
    (tmp_path / "ensemble.json").write_text(json.dumps(about))
    assert Kept.read(tmp_path) == Kept(opened=opened)


def test_a_new_choice_keeps_the_count_and_forgets_the_scores(kept: Kept) -> None:
    assert kept.choice is not None and kept.opened == 3
    again = kept.with_choice(kept.choice, kept.searches, True)
    assert (again.opened, again.test) == (3, None)


def test_a_choice_is_used_again_until_something_it_rests_on_differs(kept: Kept, tmp_path: Path) -> None:
    searches = [tmp_path / "a", tmp_path / "b"]
    assert kept.unfit(searches, "hash", {"members": ("x", "y"), "tta": 5}, True) is None
    for changed, why in (
        (kept.unfit(searches[:1], "hash", {}, True), "the last choice was from"),
        (kept.unfit(searches, "other", {}, True), "the store is another one now"),
        (kept.unfit(searches, "hash", {"tta": 3}, True), "tta was 5 before"),
    ):
        assert changed is not None and changed.startswith(why)
    assert kept.choice is not None
    early = kept.with_choice(kept.choice, searches, ended=False)
    assert early.unfit(searches, "hash", {}, False) is None
    assert "was still running" in str(early.unfit(searches, "hash", {}, True))
    weights = tmp_path / "a" / "trial-001b" / "best.safetensors"
    weights.write_text("others")
    assert kept.unfit(searches, "hash", {}, True) == f"{weights} holds other weights now"
    weights.unlink()
    assert kept.unfit(searches, "hash", {}, True) == f"{weights} is gone"
    assert Kept(opened=1).unfit(searches, "hash", {"tta": 3}, True) is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 3}, "it is of format 3, and this version knows 2"),
        ({"format": "new"}, ""),
        ({"members": []}, "members, views and what val said of them are needed"),
        ({"members": 5}, ""),
        ({"members": [{}]}, "KeyError"),
        ({"views": ["zoom+1"]}, "zoom"),
        ({"options": {"method": "magic"}}, "method: one of greedy, top, weights is needed, but got 'magic'"),
        ({"options": {"method": "top", "members": 0}}, "members and tta: 1 or more are needed"),
        ({"test_opened": -1}, "test_opened: 0 or more"),
        ({"test": "yes"}, "test: names and values"),
        ({"test": {"photos": 7}}, "KeyError: 'ensemble'"),
        ({"test": {**TEST, "photos": "7"}}, "test: photos: a number is needed, but it is '7'"),
        ({"test": {**TEST, "ensemble": {"f1": 10**400, "low": 0, "high": 1}}}, "test: ensemble f1: a number is needed"),
        ({"test": {**TEST, "gain": {"gain": 0.1}}}, "KeyError: 'low'"),
        ({"test_opened": float("inf")}, "infinity"),
        ({"best_single": {"name": "x", "folders": [], "val_f1": 10**400, "weight": 1, "temperature": 1}}, "too large"),
        ({"other_searches": ["a\0b"]}, "other_searches: names of folders are needed"),
        ({"best_single": None}, ""),
    ],
)
def test_a_file_that_says_what_none_says_is_named_in_one_line(
    kept: Kept, tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    kept.write(tmp_path / "a")
    file = tmp_path / "a" / "ensemble.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    with pytest.raises(EnsembleError) as raised:
        Kept.read(tmp_path / "a")
    line = str(raised.value)
    assert line.startswith(f"{file} cannot be read (") and why in line and "\n" not in line
    assert "it counts how often test was opened" in line


def test_weights_that_are_no_share_of_a_vote_are_refused(kept: Kept, tmp_path: Path) -> None:
    kept.write(tmp_path / "a")
    file = tmp_path / "a" / "ensemble.json"
    about = json.loads(file.read_text())
    about["members"][0]["weight"] = 2.0
    file.write_text(json.dumps(about))
    with pytest.raises(EnsembleError, match="weights: one or more, 0 or above, with the sum 1 must hold"):
        Kept.read(tmp_path / "a")


def test_weights_of_other_classes_than_the_stores_are_refused(kept: Kept, small_store: Store) -> None:
    assert kept.choice is not None
    with pytest.raises(EnsembleError, match=r"the choice weighs 2 classes, and .* has 18; choose anew: --choose"):
        kept.choice.load(small_store)


@pytest.mark.parametrize("folder", ["../trial-001", "a/../../b", "a\0b"])
def test_a_folder_outside_of_the_search_is_not_read(kept: Kept, tmp_path: Path, folder: str) -> None:
    kept.write(tmp_path / "a")
    file = tmp_path / "a" / "ensemble.json"
    about = json.loads(file.read_text())
    about["members"][0]["folders"][0]["folder"] = folder
    file.write_text(json.dumps(about))
    with pytest.raises(EnsembleError, match="one within a search is needed"):
        Kept.read(tmp_path / "a")


@pytest.mark.parametrize("content", ["", "[", "[]", "5", "null", '{"format": 2}'])
def test_a_damaged_file_is_not_taken_for_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "ensemble.json").write_text(content)
    with pytest.raises(EnsembleError, match="cannot be read"):
        Kept.read(tmp_path)
