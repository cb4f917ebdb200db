"""Processes that end, however a check ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks.gpu import __main__ as command
from benchmarks.gpu.run import Minutes, Runner
from benchmarks.gpu.worker import Worker
from common.repository import ROOT
from tests.benchmarks.gpu import parts
from tests.benchmarks.gpu.checking import Told, found, is_gone
from tests.helpers.patience import HANGS

ORPHAN = """
import os, sys
from pathlib import Path
from benchmarks.gpu import worker
from tests.benchmarks.gpu import parts
started = worker.Worker(Path(sys.argv[1]), look=parts.look_at_nothing)
started.ready(60)
print(next(started.work(parts.HANGING, None, 60)).said, started._process.pid, flush=True)
os._exit(0)
"""


def test_processes_end_with_a_check_that_is_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ORPHAN, str(tmp_path / "log")], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    assert all(is_gone(int(pid)) for pid in done.stdout.split())


def test_a_process_that_does_not_start_says_why(tmp_path: Path, told: Told) -> None:
    runner = Runner(command.SETTINGS["cpu"], Minutes(3600), told, tmp_path, {}, parts.look_in_vain)
    assert runner.sees() is None
    runner.run([parts.FINE], [parts.ITSELF])
    runner.end()
    (died,) = found(told.record, "fine")
    assert (died.right, died.said) == (False, "its process ended: exit code 1")
    assert "libcudart" in died.values["output"]


def test_a_worker_ends_gently_when_it_is_idle(tmp_path: Path) -> None:
    worker = Worker(tmp_path / "log", look=parts.look_at_nothing)
    assert worker.ready(HANGS).gpus == 0
    worker.end()
    assert worker._process.exitcode == 0
