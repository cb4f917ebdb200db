"""The data pipeline alone, on one core: from stored photos to normalized batches, with no model behind it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from benchmarks import measure, subject
from benchmarks.measure import Table
from benchmarks.trial_throughput import conventional
from trainable.epoch import Epoch
from trainable.loop import Trial
from trainable.photos import augment, batches
from trainable.photos.preprocessing import Preprocessing
from trainable.workbench import Workbench

OURS = "store, batches augmented"


def compare(trial: Trial, rounds: int, folder: Path) -> Table:
    """Photos/s of the trial's pipeline and of PIL's transforms; each made batch is thrown away.

    Args:
        folder: where the JPEG files of the trial's train photos are.
    """
    cpu = torch.device("cpu")
    loaders = {f"PIL, {source}": _loader(trial, source, folder) for source in (conventional.DECODED, conventional.JPEG)}
    machine = measure.machine(trial.device)
    with measure.one_core():
        programs = {f"{OURS} on the CPU": lambda: ours(trial, Workbench(cpu))}
        if trial.device.type == "cuda":
            bench = Workbench(trial.device)
            programs[f"{OURS} on the GPU"] = lambda: ours(trial, bench)
        programs |= {
            name: lambda loader=loader: count(images for images, _ in loader) for name, loader in loaders.items()
        }
        speeds = measure.in_turn(programs, rounds, trial.device)
    rows = [
        [name, *measure.spread(values), *(measure.ratio(values, speeds[base])[0] for base in loaders)]
        for name, values in speeds.items()
    ]
    return Table(
        "Data pipeline alone, one core: photos/s",
        {**machine, "threads": 1, **subject.facts(trial), "photos": len(trial._rows), "n =": rounds},
        ["", "median", "min", "max", *(f"times {base}" for base in loaders)],
        rows,
    )


def ours(trial: Trial, bench: Workbench) -> int:
    """An epoch's reading and augmenting as `Trial._train` does it, on the workbench's device."""
    config, store = trial.config, trial.store
    rows, classes = batches.training_set(config.labels, store)
    epoch = Epoch.drawn(config, classes, 0)
    preprocessing = Preprocessing.of(config.crop, store)
    parts = batches.slices(len(epoch.order), config.train.batch_size)
    wanted = [rows[epoch.order[part]] for part in parts]
    photos = bench.feed(store).batches(wanted, preprocessing.crop, config.augment.rotation)
    return count(
        augment.apply(batch, epoch.changes.params[part], preprocessing, bench.device)
        for part, batch in zip(parts, photos, strict=True)
    )


def count(made: Iterable[torch.Tensor]) -> int:
    return sum(len(images) for images in made)


def _loader(trial: Trial, source: str, folder: Path) -> DataLoader[tuple[torch.Tensor, torch.Tensor]]:
    photos = conventional.dataset(trial.config, trial.store, source, folder)
    return conventional.loader(photos, trial.config.train.batch_size, 0, torch.device("cpu"))
