"""From a folder of photographs to predictions, by the commands that a user types: how well, and how long?

    python -m benchmarks.photographs ~/UTKFace --out data/photographs
    python -m benchmarks.photographs ~/Face-Mask-Detection/dataset --out data/masks --size 96x96
    python -m benchmarks.photographs ~/masks300 --out data/removal --size 96x96 --compare u2net --seeds 3

The photographs are people's faces, which do not belong into this repository: name a folder of your own. Each command
runs as a process of its own and is timed. With --compare the whole is done twice, with the photos as they are and with
their background removed, on the same split and with the same seeds; their difference is paired by seed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.errors import OptionError
from common.repository import ROOT
from common.search_folder import ENSEMBLE


@dataclass(frozen=True)
class Run:
    """One way from photographs to predictions.

    Attributes:
        minutes: of each command.
        test: what ensemble.json says of the test people.
    """

    minutes: dict[str, float]
    test: dict[str, dict[str, float]]

    @property
    def f1(self) -> float:
        return self.test["ensemble"]["f1"]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.out.exists():
        raise OptionError(f"--out {options.out}: already there; name a folder that is not")
    seeds = [42 + number for number in range(options.seeds)]
    methods = ["keep", options.compare] if options.compare else ["keep"]
    runs = {method: _runs(options, method, seeds) for method in methods}
    print(_table(options, runs))
    if options.compare:
        print(_difference(runs["keep"], runs[options.compare], options.compare))
    return 0


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.photographs", description=__doc__)
    result.add_argument("images", type=Path, help="a folder of photographs, in a layout that data_prep knows")
    result.add_argument("--out", type=Path, required=True, metavar="DIR", help="stores and searches are made here")
    result.add_argument("--space", default="age_bands", metavar="NAME", help="(default: %(default)s)")
    result.add_argument("--size", default="64x64", metavar="HxW", help="of the store (default: %(default)s)")
    result.add_argument("--arch", default="resnet18", metavar="NAME", help="(default: %(default)s)")
    result.add_argument("--trials", type=positive, default=6, metavar="N", help="(default: %(default)s)")
    result.add_argument("--seeds", type=positive, default=1, metavar="N", help="searches, each with a seed of its own")
    result.add_argument("--compare", metavar="METHOD", help="also with the background removed by this --background")
    return result


def _runs(options: argparse.Namespace, method: str, seeds: Sequence[int]) -> list[Run]:
    store, found = options.out / method.replace("/", "-"), []
    prepared = _timed(
        "data_prep", "--images", options.images, "--out", store, "--size", options.size, "--background", method
    )
    for seed in seeds:
        runs = options.out / f"runs-{store.name}-{seed}"
        what = ["--space", options.space, "--data", store, "--arch", options.arch, "--weights", "none"]
        searched = _timed(
            "tune_main", *what, "--trials", options.trials, "--seed", seed, "--runs", runs, "--name", "search"
        )
        voted = _timed("ensemble.select_and_predict", "--search", runs / "search")
        minutes = {"prepare": prepared, "search": searched, "vote": voted}
        found.append(Run(minutes, json.loads((runs / "search" / ENSEMBLE).read_text())["test"]))
    return found


def _timed(module: str, *arguments: object) -> float:
    """Run a program and print what it was. Returns minutes."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    print(f"$ python {shlex.join(command[1:])}", flush=True)
    began = time.monotonic()
    subprocess.run(command, cwd=ROOT, check=True)
    return (time.monotonic() - began) / 60


def _table(options: argparse.Namespace, runs: dict[str, list[Run]]) -> str:
    from benchmarks.measure import Table, machine  # imports torch: --help should not wait for it
    from trainable.device import choose

    factors = list(next(iter(runs.values()))[0].test["by_factor"])
    rows = [
        [
            method,
            f"{run.f1:.3f}",
            f"{run.test['ensemble']['low']:.3f} to {run.test['ensemble']['high']:.3f}",
            f"{run.test['best_single']['f1']:.3f}",
            *(f"{run.test['by_factor'][factor]:.3f}" for factor in factors),
            *(f"{minutes:.1f}" for minutes in run.minutes.values()),
        ]
        for method, each in runs.items()
        for run in each
    ]
    heads = ["background", "test macro F1", "95% interval", "best single", *(f"F1 of {factor}" for factor in factors)]
    facts = {**machine(choose()), "images": options.images.name, "size": options.size, "arch": options.arch}
    columns = [*heads, "prepare, min", "search, min", "vote, min"]
    return Table(f"photographs: {options.space}", facts, columns, rows).markdown()


def _difference(plain: Sequence[Run], removed: Sequence[Run], method: str) -> str:
    gains = [with_it.f1 - without.f1 for with_it, without in zip(removed, plain, strict=True)]
    shown = ", ".join(f"{gain:+.3f}" for gain in gains)
    return f"{method} minus keep, by seed: {shown}; mean {statistics.mean(gains):+.3f}"


if __name__ == "__main__":
    sys.exit(exit_code(main))
