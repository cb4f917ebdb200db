import json
from pathlib import Path

import pytest

from common.errors import EnsembleError, StoreError
from data_prep.store.store import Store
from ensemble import search_folder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))


def search_on(folder: Path, store: str, store_hash: str, started: str = "2026") -> Path:
    folder.mkdir(parents=True)
    about = {"started": started, "store": {"path": store, "hash": store_hash}}
    (folder / "search.json").write_text(json.dumps(about))
    return folder


def test_the_newest_search_is_the_one_that_was_started_last(tmp_path: Path) -> None:
    for name, started in (("b", "2026-01"), ("a", "2026-03"), ("c", "2026-02")):
        search_on(tmp_path / name, "x", "y", started)
    assert search_folder.newest(tmp_path).name == "a"
    with pytest.raises(EnsembleError, match="holds no search"):
        search_folder.newest(tmp_path / "nowhere")


def test_a_searchs_store_is_opened_where_it_lies_or_by_the_copy_of_its_address(
    small_store: Store, tmp_path: Path
) -> None:
    in_place = search_on(tmp_path / "a", str(small_store.path), small_store.hash)
    at_uri = search_on(tmp_path / "b", f"file://{small_store.path}", small_store.hash)
    assert search_folder.open_store(in_place).path == small_store.path
    copied = search_folder.open_store(at_uri)
    assert copied.path.is_relative_to(tmp_path / "cache")
    assert copied.hash == small_store.hash


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_store_that_is_another_one_now_is_refused(small_store: Store, tmp_path: Path, scheme: str) -> None:
    search = search_on(tmp_path / "a", f"{scheme}{small_store.path}", "another")
    with pytest.raises(StoreError, match="is not the store that the search began with"):
        search_folder.open_store(search)


def test_of_a_search_at_an_address_its_confirmations_and_refits_are_copied_as_far_as_the_vote_needs_them(
    tmp_path: Path,
) -> None:
    needed = [
        "search.json",
        "trial-001/best.safetensors",
        "confirm/search.json",
        "confirm/state/000002/manifest.json",
        "confirm/trial-001/best.safetensors",
        "confirm/trial-001/val_predictions.npz",
        "refit-2/search.json",
        "refit-2/trial-001/best.safetensors",
    ]
    others = ["confirm/trial-002/val_predictions.npz", "confirm/trial-001/result.json", "mine/trial-001/notes.txt"]
    for name in (*needed, *others):
        (tmp_path / "a" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a" / name).write_text("{}")
    copy = search_folder.local(f"file://{tmp_path}/a")
    assert {each.relative_to(copy).as_posix() for each in copy.rglob("*") if each.is_file()} == set(needed)
    (tmp_path / "a/confirm/state/000002").rename(tmp_path / "a/confirm/state/000003")
    search_folder.local(f"file://{tmp_path}/a")
    assert [each.name for each in (copy / "confirm/state").iterdir()] == ["000003"]
