"""From a folder of photographs to predictions, by the commands that a user types: how well, and how long?

    python -m benchmarks.photographs ~/UTKFace --out data/photographs
    python -m benchmarks.photographs ~/Face-Mask-Detection/dataset --out data/masks --size 96x96
    python -m benchmarks.photographs ~/masks300 --out data/removal --size 96x96 --compare u2net --seeds 3

The photographs are people's faces, which do not belong into this repository: name a folder of your own. Each command
runs as a process of its own and is timed. With --compare the whole is done twice, with the photos as they are and with
their background removed; each seed draws a split and a search of its own, in which the two differ by nothing else.

Interrupted, the same command goes on where it was, and with more --seeds it adds to what there is: a program that has
ended well is not run again.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.programs import Programs
from common.command_line import Parser, exit_code, positive
from common.search_folder import ENSEMBLE

FIRST_SEED = 42


@dataclass(frozen=True)
class Run:
    """One way from photographs to predictions.

    Attributes:
        store: of the photographs.
        minutes: of each command.
        test: what ensemble.json says of the test people.
    """

    store: Path
    minutes: dict[str, float]
    test: dict[str, dict[str, float]]

    @property
    def f1(self) -> float:
        return self.test["ensemble"]["f1"]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    asked = {name: getattr(options, name) for name in ("images", "space", "size", "arch", "trials", "epochs")}
    programs = Programs(options.out, {name: str(value) for name, value in asked.items()})
    methods = ["keep", options.compare] if options.compare else ["keep"]
    runs: dict[str, list[Run]] = {method: [] for method in methods}
    for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
        for method in methods:
            runs[method].append(_run(options, programs, method, seed))
    print(_table(options, runs))
    if options.compare:
        print("\n".join(_masks(runs[options.compare])))
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
    result.add_argument("--epochs", type=positive, metavar="N", help="of a trial (default: the store's profile's)")
    result.add_argument("--seeds", type=positive, default=1, metavar="N", help="splits and searches (default: 1)")
    result.add_argument("--compare", metavar="METHOD", help="also with the background removed by this --background")
    return result


def _run(options: argparse.Namespace, programs: Programs, method: str, seed: int) -> Run:
    name = f"{Path(method).stem}-{seed}"
    store, search = options.out / name, options.out / f"runs-{name}" / "search"
    minutes = {}
    photos = ["--images", options.images, "--out", store, "--size", options.size, "--background", method]
    # What was interrupted is removed: going on with it would say nothing of how long it takes.
    minutes["prepare"] = programs.minutes(
        "data_prep", *photos, "--seed", seed, before=lambda: _remove(store, store.with_name(f".{store.name}.partial"))
    )
    what = ["--space", options.space, "--data", store, "--arch", options.arch, "--weights", "none"]
    how = ["--trials", options.trials, *(["--epochs", options.epochs] if options.epochs else []), "--seed", seed]
    where = ["--runs", search.parent, "--name", search.name]
    minutes["search"] = programs.minutes("tune_main", *what, *how, *where, before=lambda: _remove(search))
    minutes["vote"] = programs.minutes("ensemble.select_and_predict", "--search", search, "--test")
    return Run(store, minutes, json.loads((search / ENSEMBLE).read_text())["test"])


def _remove(*folders: Path) -> None:
    for folder in folders:
        if folder.exists():
            shutil.rmtree(folder)


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
    columns = [*heads, *(f"{name}, min" for name in next(iter(runs.values()))[0].minutes)]
    return Table(f"photographs: {options.space}", facts, columns, rows).markdown()


def _masks(removed: Sequence[Run]) -> list[str]:
    """Say what a segmenter made of the photos, and whether it failed for one label more often than for another."""
    from data_prep.photos.masks import in_words
    from data_prep.store.store import Store

    store = Store.open(removed[0].store)  # the others are other splits of the same photos
    photos = len(store)
    lines = in_words(store.meta["masks"], store.meta["implausible"], photos)
    lines.append(f"{photos} photos, {statistics.median(photos / run.minutes['prepare'] / 60 for run in removed):.2f}/s")
    odd = store.index["path"].isin([each["path"] for each in store.meta["masks"]["implausible"]])
    for factor in store.task.factors:
        values = [store.task.values(factor, store.bands)[code] if code >= 0 else "?" for code in store.codes[factor]]
        of, out_of = Counter(value for value, fault in zip(values, odd, strict=True) if fault), Counter(values)
        lines.append(f"implausible by {factor}: " + ", ".join(f"{v} {of[v]} of {n}" for v, n in sorted(out_of.items())))
    return lines


def _difference(plain: Sequence[Run], removed: Sequence[Run], method: str) -> str:
    gains = [with_it.f1 - without.f1 for with_it, without in zip(removed, plain, strict=True)]
    shown = ", ".join(f"{gain:+.3f}" for gain in gains)
    error = f" +/- {statistics.stdev(gains) / len(gains) ** 0.5:.3f} (standard error)" if len(gains) > 1 else ""
    return f"{method} minus keep, by seed: {shown}; mean {statistics.mean(gains):+.3f}{error}"


if __name__ == "__main__":
    sys.exit(exit_code(main))
