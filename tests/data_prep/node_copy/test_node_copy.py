"""A store at an address is copied to the node once, whole or not at all."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pyarrow.fs import LocalFileSystem

from common import uris
from common.errors import StoreError
from common.remote_folder import RemoteFolder
from common.repository import ROOT
from data_prep import node_copy
from data_prep.node_copy import absolute, fetching, local, open_store
from data_prep.node_copy.remote import RemoteStore
from data_prep.store import store as stores
from data_prep.store import writer as store_writer
from data_prep.store.store import Store
from tests.relabelled import forged

SHARDS = [f"images-{number:05d}.npy" for number in range(4)]


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Eight photos in four shards."""
    monkeypatch.setattr(store_writer, "PHOTOS_PER_SHARD", 2)
    return make(tmp_path / "source", seed=0)


def make(folder: Path, seed: int) -> Store:
    photos = np.random.default_rng(seed).integers(0, 256, (8, 16, 12, 3), dtype=np.uint8)
    people = [f"p{number}" for number in range(8)]
    labels = {"mask": "none", "gender": "male", "age": 20, "split": ["train"] * 4 + ["val"] * 2 + ["test"] * 2}
    return stores.write(folder, photos, pd.DataFrame({"path": people, "person": people, **labels}))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "stores"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read at addresses, in order."""
    names: list[str] = []
    files = LocalFileSystem()

    def open_input_stream(path: str, compression: None) -> Any:
        names.append(Path(path).name)
        return files.open_input_stream(path, compression=compression)

    fake = SimpleNamespace(open_input_stream=open_input_stream, type_name="local")
    monkeypatch.setattr(
        RemoteStore, "of", lambda uri: RemoteStore(RemoteFolder(uri, fake, uri.removeprefix("file://")))
    )
    return names


def uri(store: Store) -> str:
    return f"file://{store.path}"


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def forge(store: Store, meta: dict[str, Any]) -> None:
    """Another store.json, whose hashes are right."""
    forged(store.path, **{name: value for name, value in meta.items() if name not in ("hash", "index_sha256")})


def copies(cache: Path) -> list[str]:
    """The folders in the cache that bear a copy's name."""
    return [entry.name for entry in cache.glob("*") if not entry.name.startswith(".")]


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
    assert f"store: copied from {uri(source)} to {copy} in 0." in said[0]
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


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("ftp://host/x", r"^ftp://host/x: no such kind of address; name a folder, or one of s3://, gs://, hdfs://"),
        ("file:///nowhere/x", r"^file:///nowhere/x: no store is there, .* there is no store.json; upload all"),
        ("file:///a b", r"^file:///a b cannot be read \(Cannot parse URI.*\); check the address and, on this machine"),
        ("s3://bucket/x?colour=red", r"^s3://\.\.\.: one of its options is none of region, scheme, "),
        ("hdfs://host/x", r"^hdfs://host/x cannot be read \(Unable to load libjvm\); check the address"),
        ("s3://me:secret@bucket/x", r"^s3://\.\.\.: a user or a password is in it; an address is kept in"),
        ("abfs://c@a.dfs.core.windows.net/x?sig=secret", r"^abfs://\.\.\.: one of its options is none of "),
    ],
)
def test_an_address_that_leads_nowhere_is_said_in_one_line(uri: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as refused:
        local(uri)
    assert "\n" not in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_storage_that_refuses_points_to_the_credentials() -> None:
    def refuse(path: str, compression: None) -> None:
        raise OSError("When reading 'x' in bucket 'b': AWS Error ACCESS_DENIED during HeadObject operation: none\nmore")

    with pytest.raises(StoreError, match=r"ACCESS_DENIED.*; check .* its credentials \(for s3://, AWS_ACCESS_KEY_ID"):
        RemoteStore(RemoteFolder("s3://b/x", SimpleNamespace(open_input_stream=refuse, type_name="s3"), "b/x")).meta()


def test_google_storage_is_not_waited_for_a_quarter_of_an_hour_and_s3_is_asked_once_a_file() -> None:
    assert uris._with_options("gs://b/x") == "gs://b/x?retry_limit_seconds=60"
    assert uris._with_options("gs://b/x?scheme=http") == "gs://b/x?scheme=http&retry_limit_seconds=60"
    assert uris._with_options("s3://b/x?region=x") == "s3://b/x?region=x&allow_delayed_open=true"
    for untouched in ("gs://b/x?retry_limit_seconds=5", "s3://b/x?allow_delayed_open=false", "file:///x"):
        assert uris._with_options(untouched) == untouched


def test_a_store_json_that_is_damaged_or_of_another_version_is_said_of_its_address(source: Store) -> None:
    file = source.path / "store.json"
    meta = json.loads(file.read_text())
    file.write_text("{")
    with pytest.raises(StoreError, match=rf"^{uri(source)}/store.json cannot be read"):
        local(uri(source))
    file.write_text(json.dumps({**meta, "schema": 99}))
    with pytest.raises(StoreError, match=rf"^{uri(source)}: schema 1 expected, but store.json says 99"):
        local(uri(source))


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


PROCESS = """
import os, signal, sys, time
from data_prep.node_copy import fetching
from data_prep.node_copy import local
from data_prep.node_copy.remote import RemoteStore

source, log, killed_at, processes = sys.argv[1:]
chunks = RemoteStore.chunks

def logged(self, name, limit):
    with open(log, "a") as file:
        file.write(name + "\\n")
    for chunk in chunks(self, name, limit):
        yield chunk[:100]
        time.sleep(0.1)
        if name == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)
        yield chunk[100:]

RemoteStore.chunks = logged
if killed_at:
    fetching.THREADS = 1
children = []
for _ in range(int(processes) - 1):
    children.append(os.fork())
    if children[-1] == 0:
        children = []
        break
print(local(f"file://{source}", say=lambda line: print(line, file=sys.stderr, flush=True)), flush=True)
for child in children:
    os.waitpid(child, 0)
"""


def start(source: Store, log: Path, killed_at: str = "", processes: int = 1) -> tuple[list[str], list[str], int]:
    """What they print, line by line, what they say, and the exit code of the first."""
    command = [sys.executable, "-c", PROCESS, str(source.path), str(log), killed_at, str(processes)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    return done.stdout.splitlines(), done.stderr.splitlines(), done.returncode


def test_of_eight_processes_at_once_one_copies_and_all_get_its_copy(source: Store, cache: Path, tmp_path: Path) -> None:
    found, said, _ = start(source, tmp_path / "log", processes=8)
    assert found == [str(cache / source.hash[:16])] * 8
    assert sum("store: copied from" in line for line in said) == 1
    assert sum("waiting" in line for line in said) >= 1
    assert sum("store: the copy in" in line for line in said) == 7
    fetched = [name for name in (tmp_path / "log").read_text().split() if name != "store.json"]
    assert sorted(fetched) == sorted([*SHARDS, "index.csv"])


def test_a_process_killed_while_it_copies_leaves_nothing_to_take_for_whole_and_the_next_goes_on(
    source: Store, cache: Path, tmp_path: Path
) -> None:
    _, _, code = start(source, tmp_path / "log", killed_at=SHARDS[2])
    assert code == -signal.SIGKILL
    assert copies(cache) == []
    assert list(cache.glob(f".*/.{SHARDS[2]}.partial"))

    (tmp_path / "log").unlink()
    found, said, _ = start(source, tmp_path / "log")
    assert "store: copied from" in said[0]
    assert sorted((tmp_path / "log").read_text().split()) == [*SHARDS[2:], "store.json"]
    assert Store.open(found[0], verify=True).hash == source.hash
    assert sorted(entry.name for entry in cache.iterdir()) == [f".{source.hash[:16]}.lock", source.hash[:16]]


def test_a_process_that_waits_for_another_says_so(source: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    held = node_copy.FileLock(node_copy._place(source.hash).with_name(f".{source.hash[:16]}.lock"))
    node_copy._cache().mkdir(parents=True)
    held.acquire()
    said: list[str] = []

    def heard(line: str) -> None:
        said.append(line)
        held.release()

    local(uri(source), say=heard)
    assert said[0] == "store: another process of this node is copying it; waiting"
    assert "copied" in said[1]


def test_a_terminal_shows_a_bar_and_a_log_does_not(
    source: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    local(uri(source), progress=True)
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("FORCE_COLOR", "1")
    local(uri(make(tmp_path / "other", seed=1)), progress=True)
    assert "copying the store" in capsys.readouterr().err
