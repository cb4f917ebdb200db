"""A search is run by one process at a time, wherever the others are."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from common.errors import SearchError
from common.repository import ROOT
from tuning.storage.lock import owning


def test_of_twenty_that_start_at_once_one_runs_the_search(tmp_path: Path) -> None:
    results = at_once(20, "from tuning.storage.lock import owning as attempt", tmp_path)
    won = [pid for pid, said in results.items() if not said]
    assert len(won) == 1
    refused = [said for said in results.values() if said]
    assert len(refused) == 19
    for said in refused:
        assert said.startswith(f"{tmp_path} is being run by ")
        assert said.endswith("; stop that one first, or wait")
        assert f"process {won[0]} on {socket.gethostname()} (last sign of life 0 s ago)" in said or "another" in said


def test_of_five_new_searches_of_one_name_one_begins(tmp_path: Path) -> None:
    results = at_once(5, STARTS.format(name='"weekend"'), tmp_path)
    assert sorted(map(bool, results.values())) == [False, True, True, True, True]
    for said in filter(None, results.values()):
        assert said.startswith(f"{tmp_path}/runs/weekend already holds a search; choose another --name, or go on with")
    assert [each.name for each in (tmp_path / "runs").iterdir()] == ["weekend"]


def test_of_five_new_searches_without_a_name_each_begins_under_its_own(tmp_path: Path) -> None:
    assert not any(at_once(5, STARTS.format(name=None), tmp_path).values())
    names = ["age_bands", *(f"age_bands-{number}" for number in range(2, 6))]
    assert sorted(each.name for each in (tmp_path / "runs").iterdir()) == names


def test_whoever_runs_it_is_named_with_its_last_sign_of_life(tmp_path: Path) -> None:
    with owning(tmp_path), pytest.raises(SearchError) as refusal, owning(tmp_path):
        pass
    me = f"process {os.getpid()} on {socket.gethostname()} (last sign of life 0 s ago)"
    assert str(refusal.value) == f"{tmp_path} is being run by {me}; stop that one first, or wait"
    with owning(tmp_path):  # since then it is free
        pass


def test_a_killed_owner_frees_the_search_at_once(tmp_path: Path) -> None:
    script = "import sys, time\nfrom pathlib import Path\nfrom tuning.storage.lock import owning\n"
    script += "with owning(Path(sys.argv[1])):\n    print('mine', flush=True)\n    time.sleep(60)"
    owner = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout
    assert owner.stdout.readline() == b"mine\n"
    with pytest.raises(SearchError, match=f"is being run by process {owner.pid} on "), owning(tmp_path):
        pass
    owner.kill()
    owner.communicate()
    with owning(tmp_path):
        assert json.loads((tmp_path / ".owner.json").read_text())["pid"] == os.getpid()
    assert not (tmp_path / ".owner.json").exists()


@pytest.mark.parametrize(("seconds", "refused"), [(0, True), (25, True), (35, False)])
def test_a_search_of_another_machine_is_left_alone_for_as_long_as_that_may_live(
    seconds: int, refused: bool, tmp_path: Path
) -> None:
    owner = tmp_path / ".owner.json"
    owner.write_text(json.dumps({"host": "gpu-7", "pid": 4711, "since": "2026-01-01T00:00:00+00:00"}))
    os.utime(owner, times=(time.time() - seconds,) * 2)
    if refused:
        said = rf"process 4711 on gpu-7 \(last sign of life {seconds} s ago\); stop that one first, or wait"
        with pytest.raises(SearchError, match=said), owning(tmp_path):
            pass
        assert json.loads(owner.read_text())["host"] == "gpu-7"
    else:
        with owning(tmp_path):
            assert json.loads(owner.read_text())["host"] == socket.gethostname()


def test_the_owner_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.storage.lock.BEAT", 0.05)
    with owning(tmp_path):
        os.utime(tmp_path / ".owner.json", times=(0, 0))
        time.sleep(0.5)
        assert time.time() - (tmp_path / ".owner.json").stat().st_mtime < 5


def test_a_damaged_sign_of_life_stops_nobody_and_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".owner.json").write_text("{")
    with owning(tmp_path):
        pass
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SearchError, match=r"file cannot be written: .*; mend that first"), owning(file):
        pass


STARTS = """
import contextlib
from tuning.storage import naming
from tuning.storage.folder_home import FolderHome

def attempt(folder):
    naming.reserved_home(FolderHome(folder / "runs"), "age_bands", {name})
    return contextlib.nullcontext()
"""

AT_ONCE = """
import json, multiprocessing, os, sys
from pathlib import Path
from common.errors import SearchError
{attempt}

def one(folder, begin, end, said):
    begin.wait()
    error = ""
    try:
        with attempt(folder):
            end.wait()
    except SearchError as refusal:
        end.wait()
        error = str(refusal)
    said.put((os.getpid(), error))

context = multiprocessing.get_context("fork")
count, folder = int(sys.argv[1]), Path(sys.argv[2])
shared = context.Barrier(count), context.Barrier(count), context.SimpleQueue()
for _ in range(count):
    context.Process(target=one, args=(folder, *shared)).start()
print(json.dumps(dict(shared[2].get() for _ in range(count))))
"""


def at_once(count: int, attempt: str, folder: Path) -> dict[int, str]:
    """Process ID -> the error it met, "" for none, of `count` processes that do the same at the same moment."""
    script = AT_ONCE.format(attempt=attempt)
    command = [sys.executable, "-c", script, str(count), str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    return {int(pid): said for pid, said in json.loads(done.stdout).items()}
