"""A copy is whole, or there is none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from common.errors import StoreError
from data_prep.node_copy import fetching, local, open_store
from data_prep.node_copy.remote import RemoteStore
from data_prep.store.store import Store
from tests.data_prep.node_copy.sources import SHARDS, copies, flip, forge, uri


def test_a_file_damaged_on_the_way_is_named_and_once_it_is_mended_what_came_before_is_not_fetched_again(
    source: Store, cache: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "THREADS", 1)  # else what comes before the damage is chance
    flip(source.path / SHARDS[2])
    with pytest.raises(StoreError, match=rf"^{uri(source)}: {SHARDS[2]} is damaged, its SHA-256 .*; upload it anew$"):
        local(uri(source))
    assert copies(cache) == []
    with pytest.raises(StoreError, match=SHARDS[2]):
        local(uri(source))
    flip(source.path / SHARDS[2])
    read.clear()
    copy = local(uri(source))
    assert read[:2] == ["store.json", SHARDS[2]] and set(read[2:]) <= {SHARDS[3]}
    assert Store.open(copy, verify=True).hash == source.hash
    assert len(list(copy.iterdir())) == 6


def test_what_goes_wrong_with_one_file_stops_the_others(
    source: Store, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = RemoteStore.chunks

    def endless(self: RemoteStore, name: str, limit: int) -> Iterator[bytes]:
        while name == SHARDS[0]:
            time.sleep(0.001)
            yield b"more"
        yield from chunks(self, name, limit)

    monkeypatch.setattr(RemoteStore, "chunks", endless)
    (source.path / SHARDS[3]).unlink()
    with pytest.raises(StoreError, match=rf"no store is there, or not all of one: there is no {SHARDS[3]}; upload all"):
        local(uri(source))
    assert copies(cache) == []


def test_a_copy_that_lost_or_shortened_a_file_is_mended_where_it_lies(source: Store, read: list[str]) -> None:
    copy = local(uri(source))
    (copy / SHARDS[1]).write_bytes(b"short")
    (copy / "index.csv").unlink()
    read.clear()
    assert local(uri(source), source.hash) == copy
    assert sorted(read) == [SHARDS[1], "index.csv", "store.json"]
    assert Store.open(copy, verify=True).hash == source.hash


def test_a_copy_with_a_flipped_bit_is_mended_when_it_is_verified(source: Store, read: list[str]) -> None:
    copy = local(uri(source))
    flip(copy / SHARDS[1])
    read.clear()
    assert local(uri(source), source.hash) == copy
    assert read == []
    assert np.array_equal(open_store(uri(source), source.hash, verify=True).read(range(8)), source.read(range(8)))
    assert read == ["store.json", SHARDS[1]]


@pytest.mark.parametrize("name", ["../../images-00000.npy", "/tmp/images-00000.npy", "..", "store.json", ".x", "a\nb"])
def test_no_file_is_written_outside_the_copy(source: Store, cache: Path, name: str) -> None:
    meta = json.loads((source.path / "store.json").read_text())
    meta["shards"][0]["file"] = name
    forge(source, meta)
    with pytest.raises(StoreError, match=rf"^{uri(source)}/store.json: shards: file \(images-00000.npy, ...\)"):
        local(uri(source))
    assert not cache.exists()


def test_files_that_are_no_shards_make_no_copy(source: Store, cache: Path) -> None:
    meta = json.loads((source.path / "store.json").read_text())
    forge(source, {**meta, "size": [12, 16]})
    with pytest.raises(StoreError, match=rf"^{uri(source)}/images-00000.npy: uint8 .* expected, but it holds"):
        local(uri(source))
    assert copies(cache) == []


def test_a_store_json_that_is_damaged_or_of_another_version_is_said_of_its_address(source: Store) -> None:
    file = source.path / "store.json"
    meta = json.loads(file.read_text())
    file.write_text("{")
    with pytest.raises(StoreError, match=rf"^{uri(source)}/store.json cannot be read"):
        local(uri(source))
    file.write_text(json.dumps({**meta, "schema": 99}))
    with pytest.raises(StoreError, match=rf"^{uri(source)}: schema 1 expected, but store.json says 99"):
        local(uri(source))
