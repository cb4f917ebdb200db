"""The parts of `benchmarks.trial_throughput`: programs that are timed in turn, each part a table or two."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from benchmarks import measure, subject
from benchmarks.measure import Floats, Table
from benchmarks.trial_throughput import conventional, limit, memory, pipeline
from benchmarks.trial_throughput.conventional import Conventional
from data_prep.store.store import Store
from trainable import device
from trainable.config import TrialConfig, parse_setting
from trainable.loop import Trial


def settings(options: argparse.Namespace) -> dict[str, object]:
    """By flat key, what the command line asks for beside the store's profile."""
    asked = {"train/batch_size": options.batch_size, "crop/height": options.crop, "crop/width": options.crop}
    return {**{key: value for key, value in asked.items() if value}, **dict(map(parse_setting, options.set))}


def trial(options: argparse.Namespace, config: TrialConfig, store: Store) -> Trial:
    return subject.trial_on(config, store, device.choose(options.device), options.compile)


def against_conventional(options: argparse.Namespace, config: TrialConfig, store: Store) -> Iterator[Table]:
    ours = trial(options, config, store)
    trainers = {"": Conventional(config, ours.device, options.item)}
    if options.channels_last:
        trainers[", channels_last"] = Conventional(config, ours.device, options.item, channels_last=True)
    sources = [conventional.DECODED] if options.decoded else [conventional.JPEG, conventional.DECODED]
    with tempfile.TemporaryDirectory(prefix="conventional-") as folder:
        conventional.write_jpegs(store, ours._rows, Path(folder))
        programs: dict[str, Callable[[], int]] = {"trial": partial(subject.epoch, ours)}
        for source in sources:
            photos = conventional.dataset(config, store, source, Path(folder))
            for workers in options.workers:
                loader = conventional.loader(photos, config.train.batch_size, workers, ours.device)
                for name, trainer in trainers.items():
                    programs[f"{source}, {workers} workers{name}"] = partial(trainer.epoch, loader)
        speeds = measure.in_turn(programs, options.n, ours.device)
        about = facts(options, ours)
        programs.clear()  # and with it the workers, before their files go
    fastest = {max((n for n in speeds if n.startswith(s)), key=lambda n: measure.spread(speeds[n])) for s in sources}
    rows = [
        [f"**{name}**" if name in fastest else name, *measure.spread(speed), *measure.ratio(speeds["trial"], speed)]
        for name, speed in speeds.items()
    ]
    yield Table(
        "A trial's epoch against the conventional trainer",
        {**about, "loss read at every step": options.item},
        ["", "median photos/s", "min", "max", "trial is times as fast", "min", "max"],
        rows,
        "In bold: the fastest way to run it, the one to compare with.",
    )


def data_alone(options: argparse.Namespace, config: TrialConfig, store: Store) -> Iterator[Table]:
    ours = trial(options, config, store)
    with tempfile.TemporaryDirectory(prefix="conventional-") as folder:
        conventional.write_jpegs(store, ours._rows, Path(folder))
        yield pipeline.compare(ours, options.n, Path(folder))


def against_constant(options: argparse.Namespace, config: TrialConfig, store: Store) -> Iterator[Table]:
    ours = trial(options, config, store)
    speeds = measure.in_turn(
        {"trial": partial(subject.epoch, ours), "constant batch": subject.constant_epoch(ours)}, options.n, ours.device
    )
    yield _ratio_of_two("A trial's epoch against its model on a constant batch", facts(options, ours), speeds)


def cost_of_determinism(options: argparse.Namespace, config: TrialConfig, store: Store) -> Iterator[Table]:
    device.choose(options.device, deterministic=True)  # first, since cuBLAS looks at its setting only once
    ours = trial(options, config, store)

    def chosen(deterministic: bool) -> int:
        device.choose(options.device, deterministic)
        return subject.epoch(ours)

    programs = {"deterministic": partial(chosen, True), "default": partial(chosen, False)}
    try:
        speeds = measure.in_turn(programs, options.n, ours.device)
    finally:
        device.choose(options.device)
    yield _ratio_of_two("A deterministic trial's epoch against the default", facts(options, ours), speeds)


def _ratio_of_two(title: str, facts: dict[str, object], speeds: dict[str, Floats]) -> Table:
    """Show the photos/s of two programs, and how many times as fast as the second the first is."""
    ours, base = speeds.values()
    rows = [[f"{name}, photos/s", *measure.spread(speed)] for name, speed in speeds.items()]
    return Table(title, facts, ["", "median", "min", "max"], [*rows, ["ratio", *measure.ratio(ours, base)]])


def memory_and_speed(options: argparse.Namespace, config: TrialConfig, store: Store) -> Iterator[Table]:
    shared = ["--store", str(store.path), "--arch", options.arch, "--threads", str(options.threads)]
    shared += ["-n", str(options.n), "--device", options.device, *(["--compile"] if options.compile else [])]
    shared += ["--photos", str(options.photos)] if options.photos else []
    shared += ["--set", *options.set] if options.set else []
    cells = [
        [*shared, "--crop", str(crop), "--batch-size", str(size)]
        for crop in options.crops
        for size in options.batch_sizes
    ]
    about = {**measure.machine(device.choose(options.device)), "arch": options.arch, "optimizer": config.optimizer.name}
    yield memory.table(cells, about, options.n)


def to_the_limit(options: argparse.Namespace, config: TrialConfig, store: Store) -> Iterator[Table]:
    ours = trial(options, config, store)
    yield limit.compare(ours, partial(subject.epoch, ours), subject.constant_epoch(ours), options.n)
    yield limit.where_time_goes(config, store, ours.device, options.compile)


PARTS: dict[str, Callable[[argparse.Namespace, TrialConfig, Store], Iterator[Table]]] = {
    "conventional": against_conventional,
    "pipeline": data_alone,
    "constant": against_constant,
    "deterministic": cost_of_determinism,
    "memory": memory_and_speed,
    "limit": to_the_limit,
}


def facts(options: argparse.Namespace, trial: Trial) -> dict[str, object]:
    compiled = {"compiled": True} if options.compile else {}
    return {
        **measure.machine(trial.device),
        **subject.facts(trial),
        **compiled,
        "photos": len(trial._rows),
        "n =": options.n,
    }
