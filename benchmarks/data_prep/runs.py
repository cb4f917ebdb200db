"""Whole runs of `python -m data_prep`: their peak memory, and what is left of those that are killed."""

from __future__ import annotations

import ctypes
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks import measure
from benchmarks.data_prep.bench import Bench, facts
from benchmarks.measure import Table
from benchmarks.trial_throughput.memory import resident_peak
from common.errors import OptionError
from common.machine import descendants
from common.repository import ROOT
from data_prep.sample.draw import draw
from data_prep.store.shards import PHOTOS_PER_SHARD

KILLED_PEOPLE = 40
KILLED_SHARD = 32
SMALL = ("--background", "sample", "--size", "96x72", "--workers", "1")


def memory(bench: Bench, people: list[int], background: str) -> Table:
    """Peak memory and time of the whole command, of few people and of many."""
    rows = []
    for number in people:
        folder = bench.scratch()
        measure.say(f"drawing {number} people")
        drawn = draw(folder / "drawn", number, eval_people=0, progress=False)
        usage = used(_command(drawn, folder / "store", "--background", background))
        measure.say(f"{7 * number} photos: {usage.peak / 1e6:.0f} MB, {usage.seconds:.0f} s")
        rows.append([7 * number, usage.peak / 1e6, usage.seconds, 7 * number / usage.seconds])
        bench.tidy()
    about = facts(bench) | {"background": background}
    return Table("memory of the whole command", about, ["photos", "peak MB", "seconds", "photos/s"], rows)


def kills(bench: Bench, number: int) -> Table:
    """Kill a run at a random moment, start it again, compare its store with an undisturbed one's; `number` times."""
    chance, rows = random.Random(0), []
    folder = bench.scratch()
    drawn = draw(folder / "drawn", KILLED_PEOPLE, progress=False)
    whole, store = folder / "whole", folder / "killed"
    subprocess.run(_command(drawn, whole, *SMALL), check=True, capture_output=True)
    shards = len(list(whole.glob("*.npy")))
    for kill in range(number):
        kept = _killed(_command(drawn, store, *SMALL), store, chance.randrange(shards), chance.uniform(0, 0.3))
        subprocess.run(_command(drawn, store, *SMALL), check=True, capture_output=True)
        same = _contents(store) == _contents(whole)
        left = [file.name for file in folder.iterdir() if file.name.startswith(".")]
        rows.append([kill + 1, kept, "same" if same else "OTHER", ", ".join(left) or "nothing"])
        measure.say(f"kill {kill + 1}/{number}: {kept} of {shards} shards kept, {rows[-1][2]} bytes")
        shutil.rmtree(store)
    bench.tidy()
    columns = ["kill", f"of {shards} shards were kept", "bytes after the second run", "left behind"]
    return Table("killed and started again", facts(bench), columns, rows)


def _command(drawn: Path, out: Path, *options: str) -> list[str]:
    """The command line; with small shards, so that a short run has many."""
    shard = KILLED_SHARD if options == SMALL else PHOTOS_PER_SHARD
    code = (
        "import sys; from common.command_line import exit_code; from data_prep.prepare import prepare; "
        f"from data_prep.__main__ import main; prepare.PHOTOS_PER_SHARD = {shard}; sys.exit(exit_code(main))"
    )
    train = drawn / "train"
    where = ["--images", str(train / "images"), "--labels", str(train / "train.csv"), "--out", str(out)]
    return [sys.executable, "-c", code, *where, *options]


def _killed(command: list[str], store: Path, parts: int, seconds: float) -> int:
    """Run it until so many parts of `store` are done, and so long; SIGKILL. How many parts are kept."""
    done = store.with_name(f".{store.name}.partial") / "parts"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (done.exists() and len(list(done.glob("*.json"))) >= parts):
            time.sleep(0.01)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
    if not done.exists():
        raise OptionError("a run had ended before it could be killed: run the benchmark on a machine with less to do")
    return len(list(done.glob("*.json")))


@dataclass(frozen=True)
class Usage:
    """What a command took.

    Attributes:
        seconds, cpu: from its start to its end, and of the processor, by all its processes.
        peak: the largest resident set of its first process, bytes.
    """

    seconds: float
    cpu: float
    peak: int


LOOK_SECONDS = 0.02
"""Between two looks at a command's memory: its rusage would start at what this process holds."""

_SET_CHILD_SUBREAPER = 36
"""Linux's prctl(PR_SET_CHILD_SUBREAPER): orphans become this process's children."""


def used(command: list[str]) -> Usage:
    """Run a command to its end, from the root of the repository.

    Raises:
        OptionError: it fails.
    """
    ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1)  # or nobody hears what processes took whose parent has ended
    others, before = set(descendants(os.getpid())), _cpu_of_children()
    began, peak = time.perf_counter(), 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            peak = max(peak, resident_peak(process.pid) or 0)
            time.sleep(LOOK_SECONDS)
        seconds = time.perf_counter() - began
    while left := [pid for pid in descendants(os.getpid()) if pid not in others]:
        for pid in left:
            with suppress(ChildProcessError):  # its parent waits for it
                os.waitpid(pid, 0)
    if process.returncode:
        raise OptionError(f"the command failed with exit code {process.returncode}: {' '.join(command)}")
    return Usage(seconds, _cpu_of_children() - before, peak)


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _contents(store: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in store.iterdir()}
