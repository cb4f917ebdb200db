"""A folder of --config files, each run in turn."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import filelock
import pytest

from common.errors import OptionError, SearchError
from common.repository import ROOT
from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.helpers.plans import begin, change
from tuning.command import queue


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "queue"
    made.mkdir()
    return made


def waiting(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).write_text(f"space: age_bands\nruns: {folder.parent / 'runs'}\n")


def found(folder: Path) -> set[str]:
    return {str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file() and each.name != queue.LOCK}


class Run:
    """Instead of searches: ends with the codes that it is told, and keeps what it was asked to run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *codes: int) -> None:
        self.codes, self.asked = list(codes), []
        monkeypatch.setattr(queue, "_run", self)

    def __call__(self, arguments: list[str]) -> tuple[int, str]:
        self.asked.append(arguments)
        code = self.codes.pop(0)
        return code, "error: it was no good" if code == 2 else ""


def test_done_failed_and_waiting_files_are_told_apart(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting(folder, "b.yaml", "a.yml", "c.yaml", "notes.txt")
    run = Run(monkeypatch, 0, 2, 3)
    assert queue.run(folder, ["--queue", str(folder), "--trials", "2"]) == 2
    assert found(folder) == {"done/a.yml", "failed/b.yaml", "failed/b.txt", "done/c.yaml", "notes.txt"}
    assert (folder / "failed/b.txt").read_text() == "exit code 2\nerror: it was no good\n"
    assert run.asked[0] == ["--config", str(folder / "running/a.yml"), "--name", "a", "--trials", "2"]


def test_one_that_was_stopped_is_gone_on_with_first(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make_plan, small_store: Store
) -> None:
    waiting(folder, "b.yaml", "a.yaml")
    Run(monkeypatch, 0, 130)
    assert queue.run(folder, []) == 130
    assert found(folder) == {"done/a.yaml", "running/b.yaml"}
    waiting(folder, "a0.yaml")
    plan = make_plan(folder=folder.parent / "runs/b")
    begin(plan, small_store.hash)
    change(plan.folder, state=State.INTERRUPTED)
    run = Run(monkeypatch, 0, 0)
    assert queue.run(folder, ["--data", "elsewhere"]) == 0
    assert run.asked[0] == ["--resume", str(plan.folder), "--data", "elsewhere"]
    assert found(folder) == {"done/a.yaml", "done/a0.yaml", "done/b.yaml"}


def test_a_search_that_had_ended_before_its_file_was_moved_is_not_run_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make_plan, small_store: Store
) -> None:
    (folder / "running").mkdir()
    waiting(folder / "running", "b.yaml")
    (folder / "running/b.yaml").write_text(f"space: age_bands\nruns: {folder.parent / 'runs'}\n")
    plan = make_plan(folder=folder.parent / "runs/b")
    begin(plan, small_store.hash)
    change(plan.folder, state=State.FINISHED)
    run = Run(monkeypatch)
    assert queue.run(folder, []) == 0
    assert run.asked == [] and found(folder) == {"done/b.yaml"}


def test_a_file_that_says_nothing_sensible_fails_and_the_next_one_runs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting(folder, "b.yaml")
    (folder / "a.yaml").write_text("spce: age_bands")
    Run(monkeypatch, 0)
    assert queue.run(folder, []) == 2
    assert "did you mean --space" in (folder / "failed/a.txt").read_text()
    assert (folder / "done/b.yaml").exists()


def test_a_file_of_a_name_that_is_done_keeps_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Run(monkeypatch, 0, 0)
    for _ in range(2):
        waiting(folder, "a.yaml")
        assert queue.run(folder, []) == 0
    assert found(folder) == {"done/a.yaml", "done/a-2.yaml"}


def test_what_is_no_queue_is_refused(folder: Path) -> None:
    with pytest.raises(OptionError, match=r"nothing in it ends in \.yaml"):
        queue.run(folder, [])
    with pytest.raises(OptionError, match="a folder of --config files is needed"):
        queue.run(folder / "nowhere", [])
    waiting(folder, "a.yaml")
    with filelock.FileLock(folder / queue.LOCK), pytest.raises(OptionError, match="another process runs it"):
        queue.run(folder, [])


def test_a_dry_run_plans_each_and_moves_none(folder: Path, small_store: Store) -> None:
    waiting(folder, "a.yaml", "b.yaml")
    (folder / "b.yaml").write_text("space: nowhere")
    command = [sys.executable, str(ROOT / "tune_main.py"), "--queue", str(folder), "--dry-run"]
    done = subprocess.run([*command, "--data", str(small_store.path)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Search a: " in done.stdout and "error: no such space" in done.stderr
    assert found(folder) == {"a.yaml", "b.yaml"}


def test_what_stops_the_queue_stops_its_search_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The child says when it listens, and how often it was interrupted before it ended of itself."""
    (tmp_path / "tune_main.py").write_text(
        "import os, signal, sys, time\n"
        "heard = []\n"
        "signal.signal(signal.SIGINT, lambda *_: heard.append(1))\n"
        "os.kill(os.getppid(), signal.SIGINT)\n"
        "while not heard: time.sleep(0.01)\n"
        "time.sleep(0.2)\n"
        "print('error: heard', len(heard), file=sys.stderr)\n"
        "sys.exit(130)\n"
    )
    monkeypatch.setattr(queue, "ROOT", tmp_path)
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a search that was run before may have left its own
    try:
        assert queue._run([]) == (130, "error: heard 1")
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_search_that_another_process_runs_leaves_its_file_where_it_is(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make_plan, small_store: Store
) -> None:
    (folder / "running").mkdir()
    (folder / "running/b.yaml").write_text(f"space: age_bands\nruns: {folder.parent / 'runs'}\n")
    plan = make_plan(folder=folder.parent / "runs/b")
    begin(plan, small_store.hash)
    change(plan.folder, state=State.RUNNING)
    (plan.folder / ".owner.json").write_text('{"host": "elsewhere", "pid": 1, "machine": "another"}')
    with pytest.raises(SearchError, match="is being run by another process"):
        queue.run(folder, [])
    assert found(folder) == {"running/b.yaml"}
