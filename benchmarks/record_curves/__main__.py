"""Trains every point of a fixed list at full length and keeps its curve, so that searches can be replayed over them.

    python -m benchmarks.record_curves --store STORE --out benchmarks/curves/NAME.jsonl

The points are the space's own starting points, then a scrambled Sobol sequence over its ranges (one seed, so the list
is the same every time). One line of JSON a curve: number, point, val_f1 and seconds of each epoch, and the error of a
trial that diverged. Run it again to go on where it stopped; a larger --curves adds to what is there.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TYPE_CHECKING

from common.command_line import Parser, exit_code, positive

if TYPE_CHECKING:
    from tuning.plan.spaces import Point, Space

SEED = 0
SMALL = "small"


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since Optuna and torch take seconds: neither --help nor a mistyped option should wait.
    from benchmarks.record_curves.curve import curve
    from trainable.config import parse_setting
    from tuning.plan import profiles, spaces

    space = spaces.load(options.space)
    done = {json.loads(line)["number"] for line in _lines(options.out)}
    settings = {
        **profiles.SAMPLE.settings,
        **({} if options.arch == SMALL else {"model/arch": options.arch}),
        "train/epochs": options.epochs,
        **dict(map(parse_setting, options.set)),
        **space.fixed,
    }
    jobs = {number: point for number, point in enumerate(points(space, options.curves)) if number not in done}
    print(f"{len(done)} of {options.curves} curves are in {options.out}", flush=True)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
    with (
        ProcessPoolExecutor(options.workers, multiprocessing.get_context("spawn")) as pool,
        options.out.open("a") as out,
    ):
        futures = [
            pool.submit(curve, number, point, settings, options.store, options.arch == SMALL)
            for number, point in jobs.items()
        ]
        for ended, future in enumerate(as_completed(futures), start=len(done) + 1):
            found = future.result()
            out.write(json.dumps(found) + "\n")
            out.flush()
            best = max(found["val_f1"], default=0.0)
            minutes = sum(found["seconds"]) / 60
            print(f"{ended}/{options.curves}  curve {found['number']}  best {best:.3f}  {minutes:.1f} min", flush=True)
    return 0


def points(space: Space, n: int) -> list[Point]:
    """The first `n` points of the space's list: START, then Sobol."""
    import optuna

    sampler = optuna.samplers.QMCSampler(qmc_type="sobol", scramble=True, seed=SEED, warn_independent_sampling=False)
    study = optuna.create_study(sampler=sampler)
    found = list(space.start)
    while len(found) < n:
        trial = study.ask(space.distributions)
        study.tell(trial, 0.0)
        found.append(trial.params)
    # The first Sobol point is drawn before the sampler knows the space, and is no part of the sequence.
    return found[:n]


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.record_curves", description=(__doc__ or "").split("\n")[0])
    result.add_argument("--store", type=Path, required=True, metavar="STORE", help="dataset store to train on")
    result.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON lines, added to")
    result.add_argument("--space", default="age_bands+crop_sizes", metavar="NAME", help="(default: %(default)s)")
    result.add_argument("--curves", type=positive, default=256, metavar="N", help="(default: 256)")
    result.add_argument("--epochs", type=positive, default=18, metavar="N", help="(default: 18)")
    result.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="settings of every trial")
    result.add_argument(
        "--arch", default=SMALL, help=f"{SMALL} (small_resnet.py), or one of a trial's (default: small)"
    )
    result.add_argument("--workers", type=positive, default=2, metavar="N", help="trials at a time, a core each")
    return result


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


if __name__ == "__main__":
    sys.exit(exit_code(main))
