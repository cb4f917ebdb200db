"""A disk that is full, read-only or gone: the search waits for it, and ends as if nothing had happened."""

import errno
import os
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from ray import tune

from common import patience
from common.errors import OptionError
from common.security import terminal
from data_prep.store.store import Store
from tests.tuning.helpers.curve_trial import GO_ON, CurveTrial, HeldTrial
from tuning import search
from tuning.background import meanwhile
from tuning.callbacks.waiting import FolderGuard, patient
from tuning.plan import disk_need
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.storage import disk as storage
from tuning.storage import home
from tuning.storage.disk import DiskSpace, waiting_for_disk


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PAUSE", 0.05)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def full(disk: Path) -> Path:
    """Fill what is left of it; the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return ballast


def test_a_write_is_tried_until_the_disk_takes_it_and_the_wait_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    failures = iter([OSError(errno.EROFS, os.strerror(errno.EROFS), "runs/x/search.json")] * 3)

    @waiting_for_disk
    def write(value: int) -> int:
        if error := next(failures, None):
            raise error
        return value

    assert write(7) == 7
    assert capsys.readouterr().out.splitlines() == [
        "Waiting for the disk: runs/x/search.json: Read-only file system. Ctrl-C twice to leave.",
        "The disk takes data again: going on.",
    ]


def test_only_what_the_disk_refuses_is_tried_again() -> None:
    class Wrong(tune.Callback):
        def on_step_end(self, **info: Any) -> None:
            raise ValueError("not of the disk")

    with pytest.raises(ValueError, match="not of the disk"):
        patient(Wrong(), lambda: None).on_step_end()


def test_no_trial_is_started_without_room_and_news_are_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    free = iter([5e9, 1e9, 0.9e9, 3e9, 3e9])
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda folder: SimpleNamespace(free=next(free)))
    space = DiskSpace(Path("runs/x"), 2.0)
    assert [space.is_enough() for _ in range(5)] == [True, False, False, True, True]
    assert capsys.readouterr().out.splitlines() == [
        "runs/x: 1.0 GB are free, and another trial may need 2.0 GB: none is started until there is room.",
        "3.0 GB are free again: more trials are started.",
    ]


def test_a_folder_that_is_gone_has_no_room(tmp_path: Path) -> None:
    assert not DiskSpace(tmp_path / "gone", 0.1).is_enough()


def test_a_folder_that_is_made_below_an_empty_mount_point_is_not_the_searchs(tmp_path: Path) -> None:
    guard = FolderGuard(tmp_path / "runs")
    (tmp_path / "runs/trial-001").mkdir(parents=True)  # as Ray does
    with pytest.raises(FileNotFoundError):
        guard.on_step_begin()
    for name in ("search.json", "state", ".owner"):
        (tmp_path / "runs" / name).mkdir()
        guard.on_step_begin()
        (tmp_path / "runs" / name).rmdir()


def test_a_disk_that_cannot_be_written_is_refused_before_anything_is_started(
    make_plan: Callable[..., Plan], small_disk: Path
) -> None:
    plan = make_plan(folder=small_disk / "runs/age_bands")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(OptionError, match=r"--runs .*: .* cannot be written \(Read-only file system\); choose another"):
        home.of(plan).probe(plan)


def test_a_search_waits_for_its_disk_and_ends_as_an_undisturbed_one_does(
    ray_session: None,
    make_plan: Callable[..., Plan],
    small_store: Store,
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is full, then gone, then read-only, each in the middle of another trial."""
    monkeypatch.setattr(disk_need, "trial_gb", lambda plan: 0.0005)
    one = {"resources": Resources(cpus=1, gpus=0, concurrent=1), "budget": Budget(trials=3), "grace": 9}
    calm = make_plan(**one)
    search.run(calm, small_store, CurveTrial)

    there = small_disk.with_name("mounted")
    plan = make_plan(folder=there / "age_bands", **one)
    waits = said_to_wait(monkeypatch)
    with mounted(small_disk, there), meanwhile(lambda ended: disturb(small_disk, plan, waits, ended)):
        search.run(plan, small_store, HeldTrial)
        assert board(plan).equals(board(calm))
        assert not list(plan.folder.glob("trial-*/.checkpoint_*"))
    said = capsys.readouterr().out
    for reason in ("No space left on device", "No such file or directory", "cannot be written"):
        assert re.search(f"Waiting for the disk: .*{reason}", said)
    assert "The disk takes data again" in said
    assert not list(there.rglob("checkpoint_*")), "nothing is below the mount point"


@contextmanager
def mounted(disk: Path, there: Path) -> Iterator[None]:
    """The disk's folder there too, so that it can go and come back with what is on it."""
    there.mkdir()
    bind(disk, there)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(there)], check=True)


def bind(disk: Path, there: Path, how: str = "rw") -> None:
    subprocess.run(["mount", "--bind", str(disk), str(there)], check=True)
    subprocess.run(["mount", "-o", f"remount,bind,{how}", str(there)], check=True)


def said_to_wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often the search has said that it waits for its disk."""
    said: list[str] = []
    say = terminal.say

    def heard(text: object = "", *to: Any) -> None:
        said.append(str(text))
        say(text, *to)

    monkeypatch.setattr(terminal, "say", heard)
    return lambda: sum(line.startswith("Waiting for the disk") for line in said)


def disturb(disk: Path, plan: Plan, waits: Callable[[], int], ended: threading.Event) -> None:
    """Each of three trials waits after its third epoch. Then the disk takes nothing until the search has noticed, and a
    second longer."""
    there = plan.folder.parent

    def gone() -> None:
        subprocess.run(["umount", "-l", str(there)], check=True)

    def wait_for_third_epoch(trial: str) -> int:
        while not (plan.folder / trial / "checkpoint_000002").exists() and not ended.wait(0.05):
            pass
        return waits()

    def until_noticed(trial: str, before: int) -> None:
        there.with_name(GO_ON.format(trial=trial)).touch()
        while waits() == before and not ended.wait(0.05):
            pass
        ended.wait(1)

    before = wait_for_third_epoch("trial-001")
    ballast = full(disk)
    until_noticed("trial-001", before)
    ballast.unlink()

    before = wait_for_third_epoch("trial-002")
    gone()
    until_noticed("trial-002", before)
    bind(disk, there)

    before = wait_for_third_epoch("trial-003")
    bind(disk, there, "ro")  # over what is there, which is never gone
    until_noticed("trial-003", before)
    gone()


def board(plan: Plan) -> pd.DataFrame:
    return pd.read_csv(plan.folder / "leaderboard.csv").drop(columns="seconds").sort_values("trial", ignore_index=True)
