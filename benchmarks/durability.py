"""What it costs that nothing is lost to a power cut: the same work with and without flushing to the disk, in pairs.

    python -m benchmarks.durability --folder /a/folder/on/the/disk

A checkpoint is a ResNet50's with momentum and the best epoch's weights; between two there is an epoch of five seconds,
in which the first is flushed. A store is of 4,500 people, seven photos each. A state is of a search of 100 trials.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.security import terminal

PEOPLE, PHOTOS, SIZE = 4500, 7, (64, 64)
EPOCH = 5.0
"""Seconds; on a GPU it is longer."""

Work = Callable[[Path], float]
"""Does it once in an empty folder, and says how many seconds it took."""


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    works: dict[str, Work] = {"a state": state, "a checkpoint": checkpoint, "a store": store}
    terminal.say(f"{'':14} {'without, s':>12} {'with, s':>12} {'ratio':>7}  quartiles (n = {options.rounds})")
    for name, work in works.items():
        pairs = [_pair(work, options.folder, bool(number % 2)) for number in range(options.rounds)]
        ratios = sorted(after / before for before, after in pairs)
        low, middle, high = statistics.quantiles(ratios, n=4)
        before, after = (statistics.median(side) for side in zip(*pairs, strict=True))
        terminal.say(f"{name:14} {before:12.4f} {after:12.4f} {middle:7.3f}  {low:.3f} to {high:.3f}")
    return 0


def state(folder: Path) -> float:
    """Seconds of a state, the mean of ten."""
    from tuning.plan import profiles, spaces
    from tuning.plan.budget import Budget
    from tuning.plan.plan import Plan
    from tuning.plan.resources import Resources
    from tuning.records import search_json
    from tuning.records.rows import Row, to_json
    from tuning.storage.states import States

    settings = {"labels/young_below": 30, "labels/old_from": 58}
    trials = [to_json(Row(f"trial-{n:03d}", "stopped", 0.5, 9, 0.4, 9, 60.0, settings)) for n in range(100)]
    space = spaces.load("age_bands")
    resources = Resources(1, 0, 1)
    limits = {"epochs": 9, "grace": 1, "reduction": 3, "keep": 3, "seed": 1}
    plan = Plan(folder, space, profiles.SAMPLE, "store", {}, Budget(trials=100), resources=resources, **limits)
    rays = [folder / name for name in ("experiment_state-1.json", "search_gen_state-1.json", "searcher-state-1.pkl")]
    for file in rays:
        file.write_bytes(b"x" * 300_000)
    kept, record = States(folder), search_json.new(plan, "of the store")
    began = time.perf_counter()
    for _ in range(10):
        kept.keep(rays, record, {"trials": trials, "rungs": {}})
    return (time.perf_counter() - began) / 10


def checkpoint(folder: Path) -> float:
    """Seconds that a worker does not train for a checkpoint's sake, the mean of three after the first."""
    import torch

    from trainable import checkpoint as checkpoints
    from trainable.archs import ARCHS
    from trainable.worker.durable import DurableTrainable

    weights = {"weights": torch.ones(int(ARCHS["resnet50"].gigabytes * 1e9 / 4))}
    state = {"model": weights, "momentum": dict(weights), "best": dict(weights)}

    class Worker(DurableTrainable):
        def setup(self, config: dict[str, object]) -> None:
            self.number = -1
            self._storage = self  # type: ignore[assignment]
            self.trial_fs_path, self.storage_filesystem = str(folder), None

        def _update_checkpoint_index(self, metrics: object) -> None:
            self.number += 1

        @property
        def checkpoint_fs_path(self) -> str:
            return f"{folder}/checkpoint_{self.number:06d}"

        def save_checkpoint(self, checkpoint_dir: str) -> None:
            checkpoints.save(state, Path(checkpoint_dir), flushed=False)

    worker, took = Worker({}), []
    for number in range(4):
        began = time.perf_counter()
        worker.save()
        took.append(time.perf_counter() - began)
        time.sleep(EPOCH)
        shutil.rmtree(folder / f"checkpoint_{number - 1:06d}", ignore_errors=True)
    worker.stop()
    return statistics.mean(took[1:])


def store(folder: Path) -> float:
    """Seconds of a store's writing: the photos are there already."""
    import numpy as np

    from data_prep.store.writer import StoreWriter

    photo = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    began = time.perf_counter()
    with StoreWriter(folder / "store", SIZE) as writer:
        for number in range(PEOPLE * PHOTOS):
            person = number // PHOTOS
            row = {"person": f"{person}", "mask": "none", "gender": "male", "age": 20 + person % 60}
            writer.add(photo, {"path": f"{number}.jpg", "split": "train", **row})
        writer.finish()
    return time.perf_counter() - began


def _pair(work: Work, place: Path, swapped: bool) -> tuple[float, float]:
    """Seconds without and with flushing; which of them is first changes from pair to pair."""
    found: dict[bool, float] = {}
    for flushed in (True, False) if swapped else (False, True):
        with tempfile.TemporaryDirectory(dir=place) as folder, _flushing(flushed):
            os.sync()  # so that neither waits for what the other has left
            found[flushed] = work(Path(folder))
    return found[False], found[True]


@contextmanager
def _flushing(wanted: bool) -> Iterator[None]:
    fsync = os.fsync
    os.fsync = fsync if wanted else lambda descriptor: None
    try:
        yield
    finally:
        os.fsync = fsync


def _parser() -> Parser:
    result = Parser(prog="python -m benchmarks.durability", description=__doc__)
    result.add_argument("--folder", type=Path, default=Path("/tmp"), help="on the disk to measure (default: /tmp)")
    result.add_argument("--rounds", metavar="N", type=positive, default=7, help="pairs of each (default: 7)")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
