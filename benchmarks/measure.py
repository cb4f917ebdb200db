"""What benchmarks share: programs timed in turn, ratios taken pair by pair, tables that name the machine."""

from __future__ import annotations

import math
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from common.machine import cpu_cores
from trainable.device import amp_dtype

Floats = npt.NDArray[np.float64]
Spread = tuple[float, float, float]
"""Median, minimum, maximum."""

LOAD = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
"""Of the machine before the program began."""


@dataclass(frozen=True)
class Table:
    """One result, for people as markdown and for programs as JSON.

    Attributes:
        facts: under which it was measured: hardware, versions, settings, in the order they are printed.
        rows: one cell a column each; numbers are shown with three digits.
    """

    title: str
    facts: Mapping[str, Any]
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    note: str = ""

    def markdown(self) -> str:
        facts = ", ".join(str(value) if name == "" else f"{name} {value}" for name, value in self._named_facts())
        lines = [self.columns, ["---", *("---:" for _ in self.columns[1:])], *self.rows]
        table = "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)
        return "\n\n".join(part for part in (f"## {self.title}", facts, table, self.note) if part) + "\n"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def _named_facts(self) -> Iterable[tuple[str, Any]]:
        """Facts that explain themselves go without their name."""
        plain = ("date", "CPU", "GPU", "dtype", "arch")
        return (("" if name in plain else name, value) for name, value in self.facts.items())


def cell(value: Any) -> str:
    """One cell of a table: three digits of a number, at least its whole part."""
    if not isinstance(value, float):
        return "" if value is None else str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine(device: torch.device) -> dict[str, Any]:
    """Date, hardware and versions, and the load that others had put on the machine before."""
    return {
        "date": date.today().isoformat(),
        "CPU": f"{cpu_name()}, {cpu_cores()} cores",
        "GPU": torch.cuda.get_device_name(device) if device.type == "cuda" else "no GPU",
        "torch": torch.__version__,
        "dtype": str(amp_dtype(device)).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "load before": round(LOAD, 1),
    }


def cpu_name() -> str:
    """The CPU's model, as Linux names it, else what Python knows of it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()


def spread(values: npt.ArrayLike) -> Spread:
    """Median, minimum, maximum."""
    values = np.asarray(values, dtype=np.float64)
    return float(np.median(values)), float(values.min()), float(values.max())


def ratio(ours: npt.ArrayLike, theirs: npt.ArrayLike) -> Spread:
    """Spread of ours / theirs, each taken within its own round: what slows down a whole round cancels out."""
    return spread(np.asarray(ours, dtype=np.float64) / np.asarray(theirs, dtype=np.float64))


def in_turn(
    programs: Mapping[str, Callable[[], float]],
    rounds: int,
    device: torch.device,
    units: Mapping[str, str] = MappingProxyType({}),
    after: Callable[[], None] = lambda: None,
    seconds: float = math.inf,
) -> dict[str, Floats]:
    """Run all programs in each round, every other round backwards, so that a machine that slows down favours nobody.
    One more round comes first, to warm up.

    Args:
        programs: name -> work that returns how much it did: photos, say.
        units: of the rates of programs, for people who wait; photos/s where a name is missing.
        after: called after each of them, not timed.
        seconds: no round is begun that would end later than this, but the first two.

    Returns:
        name -> work a second in each round, float64 [rounds].
    """

    def rate(work: Callable[[], float]) -> float:
        took, done = timed(work, device)
        after()
        return done / took

    return alternate({name: partial(rate, work) for name, work in programs.items()}, rounds, units, seconds)


def alternate(
    programs: Mapping[str, Callable[[], float]],
    rounds: int,
    units: Mapping[str, str] = MappingProxyType({}),
    seconds: float = math.inf,
) -> dict[str, Floats]:
    """Do as `in_turn` for programs that measure themselves and return their rate."""
    rates: dict[str, list[float]] = {name: [] for name in programs}
    began = time.perf_counter()
    for number in range(-1, rounds):
        for name in list(programs)[:: -1 if number % 2 else 1]:
            rate = programs[name]()
            when = f"{number + 1}/{rounds}" if number >= 0 else "warm-up"
            say(f"{when}  {name}: {rate:.4g} {units.get(name, 'photos/s')}")
            if number >= 0:
                rates[name].append(rate)
        taken = time.perf_counter() - began
        if number > 0 and taken + taken / (number + 2) > seconds:
            break
    return {name: np.array(values) for name, values in rates.items()}


def timed(work: Callable[[], Any], device: torch.device) -> tuple[float, Any]:
    """(seconds, what `work` returns), with the GPU's queue empty at both ends."""
    synchronize(device)
    start = time.perf_counter()
    result = work()
    synchronize(device)
    return time.perf_counter() - start, result


def synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def one_core() -> Iterator[None]:
    """This thread, and those that it starts meanwhile, on one CPU core; torch with one thread."""
    threads, pinnable = torch.get_num_threads(), hasattr(os, "sched_setaffinity")
    cores = os.sched_getaffinity(0) if pinnable else set()
    try:
        torch.set_num_threads(1)
        if pinnable:
            os.sched_setaffinity(0, {max(cores)})
        yield
    finally:
        torch.set_num_threads(threads)
        if pinnable:
            os.sched_setaffinity(0, cores)


def say(line: str) -> None:
    """Progress, for a person who waits."""
    print(line, file=sys.stderr, flush=True)
