"""Prepares a folder of photographs with their background kept, against decoding them: both as whole programs."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np

from benchmarks import measure
from benchmarks.data_prep.bench import Bench, facts
from benchmarks.data_prep.runs import Usage, used
from benchmarks.measure import Table
from common.errors import OptionError

OURS, BARE = "ours", "bare decoding"
SMALLER = 5
"""Peak memory is measured again with so many times fewer photos."""


def folder(bench: Bench, images: Path | None, size: str) -> Table:
    """Time, CPU time and peak memory of both, in turn, from the start of Python to its end."""
    if images is None:
        raise OptionError("--parts folder: name a folder of photographs with --images")
    files = sorted(file for file in images.rglob("*") if file.is_file())
    runs: dict[str, list[Usage]] = {OURS: [], BARE: []}
    for number in range(-1, bench.rounds):
        for name in list(runs)[:: -1 if number % 2 else 1]:
            usage = used(_command(name, images, bench.scratch() / "store", size))
            measure.say(f"{number + 1}/{bench.rounds}  {name}: {usage.seconds:.1f} s, CPU {usage.cpu:.1f} s")
            if number >= 0:
                runs[name].append(usage)
        bench.tidy()
    few = _some(images, files[::SMALLER], bench.scratch())
    smaller = used(_command(OURS, few, bench.scratch() / "store", size))
    bench.tidy()
    rows = [_row(name, [len(files) / usage.seconds for usage in found]) for name, found in runs.items()]
    pairs = list(zip(runs[OURS], runs[BARE], strict=True))
    rows.append(_row("wall time, ours / bare", [ours.seconds / bare.seconds for ours, bare in pairs]))
    rows.append(_row("CPU time, ours / bare", [ours.cpu / bare.cpu for ours, bare in pairs]))
    rows.append(_row("peak MB", [usage.peak / 1e6 for usage in runs[OURS]]))
    rows.append(_row(f"peak MB with {len(files[::SMALLER])} photos", [smaller.peak / 1e6]))
    about = {key: value for key, value in facts(bench).items() if key in ("date", "CPU", "load before", "Pillow")}
    about |= {"photos": len(files), "size": size, "n": bench.rounds}
    return Table("a folder of photographs, photos/s", about, ["", "median", "lower quartile", "upper quartile"], rows)


def _row(name: str, values: list[float]) -> list[object]:
    return [name, *(float(value) for value in np.quantile(values, (0.5, 0.25, 0.75)))]


def _command(name: str, images: Path, out: Path, size: str) -> list[str]:
    if name == BARE:
        return [sys.executable, "-m", "benchmarks.data_prep.bare_decoding", str(images), "--size", size]
    where = ["--images", str(images), "--out", str(out), "--size", size]
    return [sys.executable, "-m", "data_prep", *where, "--background", "keep"]


def _some(images: Path, files: list[Path], scratch: Path) -> Path:
    """Copy some of the files, where they are below `images`, to another folder."""
    for file in files:
        copy = scratch / file.relative_to(images)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    os.sync()
    return scratch
