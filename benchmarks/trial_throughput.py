"""How fast a trial trains: against the conventional trainer, its own model on a constant batch, and the device's limit.

    python -m benchmarks.trial_throughput --store data/sample-96x72 --photos 256 --workers 0,1,2

Parts, each a table; those that compare programs run them in turn in this process, n rounds, ratios round by round:

    conventional    a trial's epoch against DataLoader, PIL transforms, NCHW (conventional.py), with and without JPEG
    pipeline        data alone, on one core, against the same transforms by PIL
    constant        a trial's epoch against the same model, loss and optimizer on one batch that is on the device
    deterministic   a trial's epoch with --deterministic against one without
    memory          peak memory and photos/s by batch size and crop, a process a cell
    limit           FLOP/s against this device's fastest matrix product, and a profile of where the time goes

Nothing else may run on the cores that are measured: threads wait for one that has lost its core, and two of them can
train ten times slower than one. Tables say how busy the machine was before ("load before").
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch

from benchmarks import conventional, limit, measure, memory, pipeline, subject
from benchmarks.conventional import Conventional
from benchmarks.measure import Table
from common.command_line import Parser, exit_code, positive
from common.machine import cpu_cores
from data_prep.store.store import Store
from trainable import device
from trainable.config import TrialConfig, parse_setting
from trainable.loop import Trial

CELL = "cell"


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    torch.set_num_threads(options.threads)
    store = Store.open(options.store)
    config = subject.config_for(store, options.arch, **settings(options))
    if options.part == [CELL]:
        photos = memory.photos_of(config.train.batch_size, options.photos)
        print(json.dumps(memory.cell(trial(options, config, subject.few(store, photos, config)), options.n)))
        return 0
    store, tables = subject.few(store, options.photos, config), []
    for part in options.part:
        for table in PARTS[part](options, config, store):
            print(table.markdown(), flush=True)
            tables.append(table.to_json())
            if options.json:
                options.json.write_text(json.dumps(tables, indent=2, default=str) + "\n")
    return 0


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
    with tempfile.TemporaryDirectory(prefix="conventional-") as folder:
        conventional.write_jpegs(store, ours._rows, Path(folder))
        programs: dict[str, Callable[[], int]] = {"trial": partial(subject.epoch, ours)}
        for source in options.sources:
            photos = conventional.dataset(config, store, source, Path(folder))
            for workers in options.workers:
                loader = conventional.loader(photos, config.train.batch_size, workers, ours.device)
                for name, trainer in trainers.items():
                    programs[f"{source}, {workers} workers{name}"] = partial(trainer.epoch, loader)
        speeds = measure.in_turn(programs, options.n, ours.device)
        about = facts(options, ours)
        programs.clear()  # and with it the workers, before their files go
    fastest = {
        max((n for n in speeds if n.startswith(s)), key=lambda n: measure.spread(speeds[n])) for s in options.sources
    }
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
    yield Table(
        "A trial's epoch against its model on a constant batch",
        facts(options, ours),
        ["", "median", "min", "max"],
        [
            *([f"{name}, photos/s", *measure.spread(speed)] for name, speed in speeds.items()),
            ["ratio", *measure.ratio(speeds["trial"], speeds["constant batch"])],
        ],
    )


def cost_of_determinism(options: argparse.Namespace, config: TrialConfig, store: Store) -> Iterator[Table]:
    device.choose(options.device, deterministic=True)  # first, since cuBLAS looks at its setting only once
    ours = trial(options, config, store)

    def chosen(deterministic: bool) -> int:
        device.choose(options.device, deterministic)
        return subject.epoch(ours)

    programs = {"default": partial(chosen, False), "deterministic": partial(chosen, True)}
    try:
        speeds = measure.in_turn(programs, options.n, ours.device)
    finally:
        device.choose(options.device)
    yield Table(
        "A deterministic trial's epoch against the default",
        facts(options, ours),
        ["", "median", "min", "max"],
        [
            *([f"{name}, photos/s", *measure.spread(speed)] for name, speed in speeds.items()),
            ["ratio", *measure.ratio(speeds["deterministic"], speeds["default"])],
        ],
    )


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


def numbers(text: str) -> list[int]:
    """An argparse type: "0,1,2"."""
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise argparse.ArgumentTypeError(f"whole numbers separated by commas are needed, but got {text!r}")
    return [int(part) for part in text.split(",")]


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.trial_throughput", description=__doc__.splitlines()[0])
    sources = {"jpeg": conventional.JPEG, "decoded": conventional.DECODED}
    result.add_argument("--store", type=Path, required=True, help="a dataset store")
    result.add_argument(
        "--part",
        nargs="+",
        choices=[*PARTS, CELL],
        metavar="PART",
        default=list(PARTS),
        help=f"which: {', '.join(PARTS)}; default: all",
    )
    result.add_argument("--arch", default="resnet50")
    result.add_argument("--threads", type=positive, default=cpu_cores(), help="torch's, of both (default: all cores)")
    result.add_argument("-n", type=positive, default=5, help="rounds (default: 5)")
    result.add_argument("--photos", type=positive, help="cut an epoch to so many (default: all)")
    result.add_argument("--batch-size", type=positive, help="(default: the profile's)")
    result.add_argument("--crop", type=positive, help="side of a square, in source pixels (default: the profile's)")
    result.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="other settings of the trial")
    result.add_argument("--device", default="auto", help="auto, cpu, cuda or cuda:N")
    result.add_argument("--compile", action="store_true", help="the trial with torch.compile")
    result.add_argument("--json", type=Path, help="write the tables here as well")
    group = result.add_argument_group("conventional")
    group.add_argument(
        "--workers", type=numbers, default=[cpu_cores()], help="of the DataLoader, 0,1,2 say (default: a worker a core)"
    )
    group.add_argument(
        "--decoded",
        dest="sources",
        action="store_const",
        const=[sources["decoded"]],
        default=list(sources.values()),
        help="only with photos that are decoded already (default: with and without JPEG)",
    )
    group.add_argument("--no-item", dest="item", action="store_false", help="do not read the loss at every step")
    group.add_argument("--channels-last", action="store_true", help="also in channels_last memory, as few write it")
    group = result.add_argument_group("memory")
    group.add_argument("--batch-sizes", type=numbers, default=[16, 32, 64, 128], help="(default: 16,32,64,128)")
    group.add_argument("--crops", type=numbers, default=[224, 360], help="in source pixels (default: 224,360)")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
