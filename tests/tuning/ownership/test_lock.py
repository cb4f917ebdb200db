"""A search is run by one process at a time, wherever the others are."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import SearchError
from common.repository import ROOT
from tests.helpers.patience import HANGS
from tuning.ownership import file_systems
from tuning.ownership.lock import owning
from tuning.ownership.signs import Owner


def test_of_twenty_that_start_at_once_one_runs_the_search(tmp_path: Path) -> None:
    results = at_once(20, "from tuning.ownership.lock import owning as attempt", tmp_path)
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
    owner = another_owner(tmp_path)
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
    monkeypatch.setattr("tuning.ownership.lock.BEAT", 0.05)
    with owning(tmp_path):
        os.utime(tmp_path / ".owner.json", times=(0, 0))
        wait_until(lambda: (tmp_path / ".owner.json").stat().st_mtime > 0)


@pytest.mark.parametrize("pid", ["Infinity", "1e999", "NaN", "[]", '"x"', "null"])
def test_a_sign_whose_process_is_no_number_names_nobody(pid: str) -> None:
    assert Owner.of(f'{{"host": "x", "pid": {pid}}}'.encode()) is None


def test_a_damaged_sign_of_life_stops_nobody_and_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".owner.json").write_text("{")
    with owning(tmp_path):
        pass
    file = tmp_path / "file"
    file.touch()
    with pytest.raises(SearchError, match=r"file cannot be written: .*; mend that first"), owning(file):
        pass


def another_owner(folder: Path) -> subprocess.Popen[bytes]:
    """A process that runs the search by now, and for a minute."""
    script = "import sys, time\nfrom pathlib import Path\nfrom tuning.ownership.lock import owning\n"
    script += "with owning(Path(sys.argv[1])):\n    print('mine', flush=True)\n    time.sleep(60)"
    owner = subprocess.Popen([sys.executable, "-c", script, str(folder)], cwd=ROOT, stdout=subprocess.PIPE)
    assert owner.stdout
    assert owner.stdout.readline() == b"mine\n"
    return owner


def sign_of(folder: Path, **changes: object) -> None:
    """Another process's sign of life, given now."""
    sign = json.loads((folder / ".owner.json").read_text()) | {"token": "theirs", "host": "gpu-7", "pid": 4711}
    (folder / ".owner.json").write_text(json.dumps(sign | changes))


def test_whoever_finds_the_token_of_another_has_lost_the_search_and_leaves_the_others_sign(tmp_path: Path) -> None:
    with pytest.raises(SearchError) as lost, owning(tmp_path) as own:
        own.check()
        sign_of(tmp_path, since="2026-01-01T00:00:00+00:00")
        own._found[0] -= 1
        own.check()
    assert str(lost.value) == (
        f"{tmp_path} is being run by process 4711 on gpu-7 since 2026-01-01T00:00:00+00:00, which took it over while "
        "nothing was heard of this process: it ends, and writes nothing more"
    )
    assert json.loads((tmp_path / ".owner.json").read_text())["token"] == "theirs"


def test_it_is_found_out_at_a_beat_too_and_the_sign_is_not_renewed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuning.ownership.lock.BEAT", 0.05)
    with owning(tmp_path) as own:
        sign_of(tmp_path)
        os.utime(tmp_path / ".owner.json", times=(0, 0))
        assert own.lost.wait(10)
        with pytest.raises(SearchError, match="process 4711 on gpu-7"):
            own.check()
    assert (tmp_path / ".owner.json").stat().st_mtime == 0


def test_a_sign_that_somebody_removed_or_damaged_is_given_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tuning.ownership.lock.BEAT", 0.05)
    sign = tmp_path / ".owner.json"
    with owning(tmp_path) as own:
        for harm in (sign.unlink, lambda: sign.write_text("{")):
            harm()
            wait_until(lambda: sign.exists() and sign.read_text().endswith("}\n"))
        own.check()
    assert not sign.exists()


def test_a_lock_file_that_was_removed_lets_no_second_one_in(tmp_path: Path) -> None:
    owner = another_owner(tmp_path)
    (tmp_path / ".owner").unlink()
    with pytest.raises(SearchError, match=f"is being run by process {owner.pid} on "), owning(tmp_path):
        pass
    owner.kill()
    owner.communicate()
    with owning(tmp_path):
        pass


def test_a_machine_of_the_same_name_is_another_one(tmp_path: Path) -> None:
    with owning(tmp_path):
        ours = json.loads((tmp_path / ".owner.json").read_text())
    (tmp_path / ".owner.json").write_text(json.dumps(ours | {"machine": "of another boot", "pid": 2**22}))
    with pytest.raises(SearchError, match=f"process {2**22} on {socket.gethostname()}"), owning(tmp_path):
        pass
    (tmp_path / ".owner.json").write_text(json.dumps(ours | {"pid": 2**22}))
    with owning(tmp_path):  # that process of this machine is dead
        pass
    (tmp_path / ".owner.json").write_text(json.dumps(ours | {"pid": os.getppid(), "began": "another time"}))
    with owning(tmp_path):  # and so is the one that had this number before
        pass


def test_where_locks_keep_nobody_out_it_is_said_and_a_later_claim_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcntl.flock", lambda descriptor, operation: None)  # as some file systems have it
    monkeypatch.setattr("tuning.ownership.lock.CLAIM", 0.2)
    said: list[str] = []
    with owning(tmp_path, say=said.append):
        assert len(said) == 1
        assert said[0].startswith(f"Note: locks in {tmp_path} do not keep other machines out (")
    claimed = threading.Thread(target=lambda: (wait_until((tmp_path / ".owner.json").exists), sign_of(tmp_path)))
    claimed.start()
    with pytest.raises(SearchError, match="process 4711 on gpu-7"), owning(tmp_path):
        pass
    claimed.join()


@pytest.mark.parametrize(
    ("line", "reaches", "kind"),
    [
        ("98 1 {device} / /data rw,relatime shared:1 - nfs4 server:/data rw,vers=4.2", True, "nfs4"),
        ("98 1 {device} / /data rw shared:1 - nfs server:/data rw,vers=3,nolock", False, "nfs, nolock"),
        ("98 1 {device} / /data rw - nfs server:/data rw,local_lock=all", False, "nfs, local_lock=all"),
        ("98 1 {device} / /data rw - cifs //server/data rw,nobrl", False, "cifs, nobrl"),
        ("98 1 {device} / /data rw - ext4 /dev/sda1 rw,nolock", True, "ext4, nolock"),
        ("98 1 0:0 / /data rw - nfs server:/data rw,nolock", True, "unknown file system"),
        ("nonsense", True, "unknown file system"),
    ],
)
def test_what_a_network_file_system_says_of_its_locks(
    line: str, reaches: bool, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = tmp_path.stat().st_dev
    (tmp_path / "mounts").write_text(line.format(device=f"{os.major(device)}:{os.minor(device)}"))
    monkeypatch.setattr(file_systems, "_MOUNTS", tmp_path / "mounts")
    assert file_systems.locks_reach_all(tmp_path) is reaches
    assert file_systems.kind(tmp_path) == kind


def wait_until(ready: Callable[[], bool]) -> None:
    """Wait as long as it takes, on a machine however busy."""
    deadline = time.monotonic() + HANGS
    while not ready():
        assert time.monotonic() < deadline, "never ready"
        time.sleep(0.01)


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
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANGS)
    assert done.returncode == 0, done.stderr
    return {int(pid): said for pid, said in json.loads(done.stdout).items()}
