"""Photos a second of a trial, of the conventional trainer and of one constant batch, with a number of CPU cores."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.speed import figures

FILES = 512
"""JPEG files that the conventional trainer draws its photos from; all of them are in the page cache."""

STEADY = 4
"""Batches of each of its workers that are timed."""

BOTH_FORMATS = 16
"""Cores from which on the GPU may be what the conventional trainer waits for, so that its memory format counts."""

GOALS = {2: "3"}
"""Of a trial against the conventional trainer, by cores: five V100 usually share 40, and with 16 for one GPU PIL keeps
up with it."""


def against_conventional(cores: int, seconds: float) -> Part:
    return Part(
        name=f"speed with {cores} cores",
        about=f"a trial against the conventional trainer (DataLoader, PIL), both with {cores} CPU cores",
        seconds=seconds,
        run=Speed(cores),
        cores=cores,
    )


@dataclass(frozen=True)
class Speed:
    """A part's work; a class, since processes are handed it by its name."""

    cores: int

    def __call__(self, setting: Setting) -> Iterator[Finding]:
        from benchmarks import measure

        photos = figures.steps(setting) * setting.batch
        trial = setting.trial(photos)
        with tempfile.TemporaryDirectory(prefix="jpeg-") as folder:
            programs = ours(trial) | conventional(trial, Path(folder), self.cores)
            rates = measure.alternate(programs, setting.rounds, seconds=setting.seconds)
            programs.clear()  # and with it the workers, before their files go
        yield from findings(rates, GOALS.get(self.cores, ""))


def ours(trial: Any) -> dict[str, Callable[[], float]]:
    from benchmarks import measure
    from benchmarks.subject import constant_epoch, epoch

    def rate(work: Callable[[], int]) -> float:
        seconds, photos = measure.timed(work, trial.device)
        return float(photos / seconds)

    return {"trial": partial(rate, partial(epoch, trial)), "constant batch": partial(rate, constant_epoch(trial))}


def conventional(trial: Any, folder: Path, cores: int) -> dict[str, Callable[[], float]]:
    """The conventional trainer, from JPEG files, with a worker a core, in the memory format that is faster on a GPU,
    and with many cores in either."""
    from benchmarks import subject
    from benchmarks.trial_throughput import conventional as usual
    from trainable.photos import batches

    config, lead, steps = trial.config, 2 * cores, STEADY * cores
    store = subject.few(trial.store, FILES, config)
    usual.write_jpegs(store, batches.training_set(config.labels, store)[0], folder)
    photos = usual.dataset(config, store, usual.JPEG, folder)
    loader = usual.loader(
        photos, config.train.batch_size, cores, trial.device, (lead + steps) * config.train.batch_size
    )
    trainers = {
        f"conventional, {name}": usual.Conventional(config, trial.device, channels_last=name == "channels_last")
        for name in (*(["NCHW"] if cores >= BOTH_FORMATS else []), "channels_last")
    }
    return {name: partial(_steady, trainer, loader, lead) for name, trainer in trainers.items()}


def _steady(trainer: Any, loader: Any, lead: int) -> float:
    """Photos/s after the first `lead` steps, for which the workers had two batches each waiting or in hand."""
    from benchmarks import measure

    began = 0.0

    def after(step: int) -> None:
        nonlocal began
        if step == lead - 1:
            measure.synchronize(trainer.device)
            began = time.perf_counter()

    photos = trainer.epoch(loader, after)
    measure.synchronize(trainer.device)
    return float((photos - lead * loader.batch_size) / (time.perf_counter() - began))


def findings(rates: dict[str, figures.Rates], goal: str) -> Iterator[Finding]:
    """The speeds, then the trial against each of the others."""
    import numpy as np

    about = f"a trial makes {np.median(rates['trial']):,.0f} photos/s"
    for name, found in rates.items():
        yield figures.speed(name, found, headline=about if name == "trial" and goal else "")
    for name in rates:
        if name.startswith("conventional"):
            yield figures.ratio(f"trial against {name}", rates["trial"], rates[name], goal)
    yield figures.ratio("trial against its constant batch", rates["trial"], rates["constant batch"], "0.97")
