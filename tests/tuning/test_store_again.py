"""The store of a search is looked at again when the search goes on: its bytes may have changed, or its place."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import EnsembleError, StoreError
from data_prep.store.store import Store
from data_prep.suspects import evidence
from ensemble import search_folder
from tests.tuning.helpers.plans import begin
from tests.tuning.test_views import as_killed
from tuning import resume
from tuning.plan.plan import Plan
from tuning.records import search_json
from tuning.resume import Opening


@pytest.fixture
def place(small_store: Store, tmp_path: Path) -> Path:
    """A store of the search's own."""
    return Path(shutil.copytree(small_store.path, tmp_path / "store"))


@pytest.fixture
def folder(make_plan: Callable[..., Plan], small_store: Store, place: Path) -> Path:
    plan = dataclasses.replace(make_plan(), store=str(place))
    begin(plan, small_store.hash)
    as_killed(plan.folder)
    return plan.folder


def zeroed(place: Path) -> None:
    """Half of a shard's bytes are lost, and its length is as it was."""
    shard = next(place.glob("images-*.npy"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    shard.write_bytes(content)


def test_bytes_that_have_changed_are_noticed_by_a_resume_and_by_the_vote(folder: Path, place: Path) -> None:
    assert resume.resumable(folder).plan.store == str(place)
    zeroed(place)
    with pytest.raises(StoreError, match=r"its SHA-256 is not the one in store\.json"):
        resume.resumable(folder)
    with pytest.raises(StoreError, match=r"its SHA-256 is not the one in store\.json"):
        search_folder.open_store(folder)


def test_how_long_it_took_is_said_and_how_much_was_hashed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    resume.resumable(folder)
    assert capsys.readouterr().out.startswith("store: as the search began with it (hashed, 0.")
    resume.resumable(folder, opening=Opening(share=1 / 16))
    assert capsys.readouterr().out.startswith("store: as the search began with it (6% of it hashed, 0.")


def test_a_store_that_has_moved_is_named_and_must_be_the_same(
    folder: Path, place: Path, smallest_store: Store, tmp_path: Path
) -> None:
    moved = place.rename(tmp_path / "moved")
    hint = rf"if the store has moved, say where it is: --data STORE \(was {place}\)"
    for opens in (resume.resumable, search_folder.open_store):
        with pytest.raises(StoreError, match=hint):
            opens(folder)  # type: ignore[operator]
    assert resume.resumable(folder, opening=Opening(str(moved))).plan.store == str(moved)
    assert search_folder.open_store(folder, str(moved)).path == moved
    assert evidence.open_store(folder, str(moved)).path == moved
    with pytest.raises(StoreError, match="is not the store that the search began with"):
        resume.resumable(folder, opening=Opening(str(smallest_store.path)))
    with pytest.raises(StoreError, match="is not the store that the search began with"):
        search_folder.open_store(folder, str(smallest_store.path))


def test_the_search_it_is_the_newest_of_is_found_without_its_search_json(folder: Path) -> None:
    (folder / "search.json").unlink()
    assert search_folder.newest(folder.parent) == folder
    assert search_json.read(folder).name == "age_bands"
    shutil.rmtree(folder / "state")
    with pytest.raises(EnsembleError, match="holds no search"):
        search_folder.newest(folder.parent)
