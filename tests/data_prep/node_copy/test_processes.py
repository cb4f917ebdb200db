"""Several processes of a node want the same store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from common.repository import ROOT
from data_prep import node_copy
from data_prep.node_copy import local
from data_prep.store.store import Store
from tests.data_prep.node_copy.sources import SHARDS, copies, uri

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
