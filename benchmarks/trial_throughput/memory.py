"""Peak memory and photos/s of a trial's training by batch size and crop, each cell measured in a process of its own."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks import measure, subject
from benchmarks.measure import Table
from common.repository import ROOT
from trainable.loop import Trial

STEPS = 4
"""At least so many batches are an epoch of a cell."""


def table(cells: Iterable[Sequence[str]], about: dict[str, Any], rounds: int) -> Table:
    """Measure each cell in a process of its own.

    Args:
        cells: the arguments of `python -m benchmarks.trial_throughput --part cell` for each.
    """
    rows = []
    for arguments in cells:
        command = [sys.executable, "-m", "benchmarks.trial_throughput", "--part", "cell", *arguments]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        found = json.loads(done.stdout)
        measure.say(done.stdout.strip())
        rows.append([*found["what"], *(found["photos_per_s"] or ("out of memory", None, None)), found["gigabytes"]])
    columns = ["crop", "batch", "micro-batches", "photos an epoch", "median photos/s", "min", "max", "peak memory, GB"]
    note = (
        "Memory: what torch had allocated at most on the GPU, the (cut) epoch's photos that lie there included."
        if about["GPU"] != "no GPU"
        else "Memory: the most that the process held (resident set), Python, torch and the photos read included."
    )
    return Table("Memory and speed by batch and crop", {**about, "n =": rounds}, columns, rows, note)


def cell(trial: Trial, rounds: int) -> dict[str, Any]:
    """One cell: what was measured, spread of the photos/s (None: out of memory), peak memory in GB (1e9 bytes)."""
    try:
        speeds = measure.in_turn({"trial": lambda: trial._train()["train_photos"]}, rounds, trial.device)
        found = measure.spread(speeds["trial"])
    except torch.OutOfMemoryError:
        found = None
    about = subject.facts(trial)
    return {
        "what": [about["crop"], about["batch"], trial.micro_batches, len(trial._rows)],
        "photos_per_s": found,
        "gigabytes": peak_bytes(trial.device) / 1e9,
    }


def photos_of(batch: int, photos: int | None) -> int | None:
    """Photos of a cell's epoch: whole batches, at least STEPS of them."""
    return None if photos is None else max(STEPS, photos // batch) * batch


def peak_bytes(device: torch.device) -> int:
    """On a GPU what torch had allocated at most there, otherwise this process's largest resident set."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if own := resident_peak("self"):
        return own
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_peak(process: int | str) -> int | None:
    """Bytes of a process's largest resident set so far; None where Linux does not say, or it is gone.

    Its ru_maxrss is not asked: Linux hands the parent's on to a child.
    """
    try:
        found = re.search(r"^VmHWM:\s*(\d+) kB", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None
