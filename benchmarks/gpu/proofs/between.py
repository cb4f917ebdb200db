"""What is left of a trial when the next one begins: nothing, on the device and in the process."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.trials import device_of, trial_on
from trainable.workbench import Workbench

CROPS, STEP = 2, 16
"""Crops that the trials take in turn, and how many source pixels they are apart."""

SAME, GROWN = 0.01, 0.05
"""How much of it the GPU's memory may differ, and the process's be larger, before the last trial from the second."""
KEPT = 0.25
"""Of what torch had in reserve on the GPU, what may stay with it when a trial has ended."""


@dataclass(frozen=True)
class Held:
    """What this process holds, in bytes.

    Attributes:
        resident: of the machine's memory.
        allocated: of the GPU's, by tensors.
        reserved: of the GPU's, by torch: tensors' and what it keeps for more of them.
    """

    resident: int
    allocated: int
    reserved: int

    @classmethod
    def now(cls, device: torch.device) -> Held:
        on_gpu = (torch.cuda.memory_allocated(), torch.cuda.memory_reserved()) if device.type == "cuda" else (0, 0)
        return cls(_resident(), *on_gpu)


def memory_between_trials(setting: Setting) -> Iterator[Finding]:
    """Trials one after the other on one workbench, as a process of a search runs them (`RayTrial.reset_config`)."""
    bench = Workbench(device_of(setting))
    before: list[Held] = []
    after: list[Held] = []
    for number in range(setting.trials):
        before.append(Held.now(bench.device))
        bench.clear()
        after.append(Held.now(bench.device))
        _run(setting, bench, number)
    if bench.device.type == "cuda":
        yield _same(after)
        yield _given_back(before[-1], after[-1])
    else:
        yield Finding("GPU memory between trials", "needs a GPU")
    yield _not_grown(after)


def _run(setting: Setting, bench: Workbench, number: int) -> None:
    crop = setting.crop - STEP * (number % CROPS)
    more = {"train/seed": number, "crop/height": crop, "crop/width": crop}
    trial_on(setting, 2, more, bench=bench).run_epoch()


def _same(after: Sequence[Held]) -> Finding:
    second, last = after[1], after[-1]
    return Finding(
        "GPU memory between trials",
        f"tensors hold {_mb(second.allocated)} before the second trial, {_mb(last.allocated)} before number "
        f"{len(after)} (limit {SAME:.0%} apart); torch had {_mb(second.reserved)} and {_mb(last.reserved)}",
        abs(last.allocated - second.allocated) <= SAME * second.allocated,
        {"allocated": [each.allocated for each in after], "reserved": [each.reserved for each in after]},
    )


def _given_back(before: Held, after: Held) -> Finding:
    spare, left = before.reserved - before.allocated, after.reserved - after.allocated
    return Finding(
        "GPU memory for neighbours",
        f"of {_mb(spare)} that torch had in reserve at a trial's end it kept {_mb(left)} (limit {KEPT:.0%}): other "
        "processes can have the rest",
        left <= KEPT * spare,
        {"spare": spare, "left": left},
    )


def _not_grown(after: Sequence[Held]) -> Finding:
    second, last = after[1].resident, after[-1].resident
    return Finding(
        "memory between trials",
        f"the process holds {_mb(second)} before the second trial, {_mb(last)} before number {len(after)} (limit "
        f"{GROWN:.0%} more)",
        last <= (1 + GROWN) * second,
        {"resident": [each.resident for each in after]},
    )


def _resident() -> int:
    """Linux's resident set, file-backed pages included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
