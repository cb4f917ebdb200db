"""Photos whose background stays are made in processes where there are many: the same store, faults included."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_prep import prepare as preparing
from data_prep import processes
from data_prep.prepare import prepare
from data_prep.sample.draw import draw
from errors import PhotoError, StoreError
from tests.tuning.processes import alive, family

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 people, 140 photos, and one that is broken."""
    train = draw(tmp_path_factory.mktemp("drawn") / "sample", 20, eval_people=0, progress=False) / "train"
    next((train / "images").rglob("mask1.jpg")).write_bytes(b"no photo")
    return train


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Shards of four photos, 35 of them."""
    monkeypatch.setattr(preparing, "PHOTOS_PER_SHARD", 4)
    yield
    assert multiprocessing.active_children() == []


def made(drawn: Path, out: Path, **options: float) -> dict[str, bytes]:
    prepare(drawn / "images", drawn / "train.csv", out, background="keep", progress=False, size=(96, 72), **options)
    return {file.name: file.read_bytes() for file in out.iterdir()}


def test_processes_make_the_store_that_threads_make(
    drawn: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    apart = made(drawn, tmp_path / "apart")
    monkeypatch.setattr(processes, "WORTH_IT", 1000)
    assert apart == made(drawn, tmp_path / "threads")
    assert len([name for name in apart if name.endswith(".npy")]) == 35


def test_too_many_photos_that_cannot_be_used_end_the_run_and_what_is_done_is_kept(
    drawn: Path, tmp_path: Path, small: None
) -> None:
    with pytest.raises(PhotoError, match="1 of 140 photos cannot be used so far"):
        made(drawn, tmp_path / "store", max_left_out=0)
    assert "store.json" in made(drawn, tmp_path / "store")


def test_what_a_process_cannot_write_ends_the_run(
    drawn: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hired = processes._hired

    def without_folder(number: int, job: processes.Job) -> object:
        job.folder.rename(job.folder.with_name("elsewhere"))
        return hired(number, job)

    monkeypatch.setattr(processes, "_hired", without_folder)
    with pytest.raises(StoreError, match=r"cannot write in .*No such file or directory"):
        made(drawn, tmp_path / "store")


def test_a_process_that_is_killed_ends_the_run_and_the_next_one_makes_the_same(
    drawn: Path, tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, calls = processes._told, []

    def killing(worker: processes.Worker) -> object:
        calls.append(worker)
        if len(calls) == 9:
            os.kill(worker.process.pid or 0, signal.SIGKILL)
            worker.process.join()
        return told(worker)

    monkeypatch.setattr(processes, "_told", killing)
    with pytest.raises(
        StoreError, match=r"a worker process died \(exit code -9; out of memory\?\); what is done is kept"
    ):
        for _ in range(3):  # a message that was sent before may come first
            made(drawn, tmp_path / "store")
    monkeypatch.undo()
    monkeypatch.setattr(preparing, "PHOTOS_PER_SHARD", 4)
    assert made(drawn, tmp_path / "store") == made(drawn, tmp_path / "whole")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_command(drawn: Path, tmp_path: Path, how: signal.Signals) -> None:
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from command_line import exit_code; from data_prep import prepare; from data_prep.__main__ import main; "
        "prepare.PHOTOS_PER_SHARD = 4; sys.exit(exit_code(main))"
    )
    where = ["--images", str(drawn / "images"), "--labels", str(drawn / "train.csv"), "--out", str(tmp_path / "store")]
    command = [sys.executable, "-c", code, *where, "--background", "keep", "--size", "1024x768"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    driver = subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)
    parts = tmp_path / ".store.partial/parts"
    while not (parts.exists() and len(list(parts.iterdir())) >= 3):
        assert driver.poll() is None, driver.stdout and driver.stdout.read()
        time.sleep(0.01)
    members = family(driver.pid)
    assert len(members) > 3
    if how == signal.SIGINT:
        os.killpg(driver.pid, how)
    else:
        driver.kill()
    said, _ = driver.communicate(timeout=30)
    assert driver.returncode == (130 if how == signal.SIGINT else -9), said
    assert "Traceback" not in said
    assert alive(members) == []
