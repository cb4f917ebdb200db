"""A store at an address is copied to the node once."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from common.errors import StoreError
from data_prep.node_copy import absolute, local, open_store
from data_prep.store.store import Store
from tests.data_prep.node_copy.sources import SHARDS, make, uri


def test_a_folder_is_used_in_place(source: Store, cache: Path) -> None:
    assert local(source.path) == source.path
    assert local(str(source.path), "whatever") == source.path
    assert open_store("source", source.hash, verify=True).path == source.path
    assert not cache.exists()


def test_a_folder_is_kept_by_its_whole_path_and_an_address_as_it_is(tmp_path: Path) -> None:
    assert absolute("data/masks") == str(tmp_path / "data/masks")
    assert absolute("s3://bucket/masks?region=eu-west-1") == "s3://bucket/masks?region=eu-west-1"


def test_an_address_is_copied_whole_and_then_never_again(source: Store, cache: Path, read: list[str]) -> None:
    said: list[str] = []
    copy = local(uri(source), say=said.append)
    assert copy == cache / source.hash[:16]
    assert sorted(read) == ["images-00000.npy", *SHARDS[1:], "index.csv", "store.json"]
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == {
        file.name: file.read_bytes() for file in source.path.iterdir()
    }
    read.clear()
    assert local(uri(source), say=said.append) == copy
    assert read == ["store.json"]
    assert np.array_equal(open_store(uri(source)).read(range(8)), source.read(range(8)))
    assert re.fullmatch(f"store: copied from {uri(source)} to {copy} in .* s", said[0])
    assert said[1:] == [f"store: the copy in {copy} of {uri(source)}"]


def test_the_copy_of_the_expected_store_is_used_without_asking_its_address(source: Store, cache: Path) -> None:
    local(uri(source))
    source.path.rename(source.path.with_name("gone"))
    said: list[str] = []
    assert local(uri(source), source.hash, say=said.append) == cache / source.hash[:16]
    assert said == [f"store: the copy in {cache / source.hash[:16]} of {uri(source)}"]


def test_a_store_that_was_exchanged_is_not_taken_for_the_expected_one(source: Store, tmp_path: Path) -> None:
    other = make(tmp_path / "other", seed=1)
    message = (
        rf"is not the store that the search began with \(its hash is {other.hash[:12]}.*, and was {source.hash[:12]}"
    )
    with pytest.raises(StoreError, match=f"{uri(other)} {message}"):
        open_store(uri(other), source.hash)
    with pytest.raises(StoreError, match=f"^{other.path} {message}"):
        open_store(other.path, source.hash)


def test_the_cache_is_under_the_home_unless_it_is_named(source: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASKTUNE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(source.path.with_name("xdg")))
    assert local(uri(source)).parent == source.path.with_name("xdg") / "masktune/stores"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(source.path.with_name("home")))
    assert local(uri(source)).parent == source.path.with_name("home") / ".cache/masktune/stores"
    monkeypatch.setenv("MASKTUNE_CACHE", "~/own")
    assert local(uri(source)).parent == source.path.with_name("home") / "own/stores"


def test_a_disk_that_is_too_small_is_said_before_anything_is_fetched(
    source: Store, cache: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=8 * 16 * 12 * 3 - 1))
    with pytest.raises(
        StoreError, match=r"0.0 GB are needed in .*cache/stores, but 0.0 GB are free; set MASKTUNE_CACHE"
    ):
        local(uri(source))
    assert read == ["store.json"]
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=8 * 16 * 12 * 3))
    assert local(uri(source)).exists()


def test_a_cache_that_cannot_be_written_is_said_with_what_to_set(source: Store, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    with pytest.raises(StoreError, match=r"cannot be copied to .*/cache/stores \(.*\); set MASKTUNE_CACHE to a folder"):
        local(uri(source))


def test_a_terminal_shows_a_bar_and_a_log_does_not(
    source: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    local(uri(source), progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    local(uri(make(tmp_path / "other", seed=1)), progress=True)
    assert "copying the store" in capsys.readouterr().err
