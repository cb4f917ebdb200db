"""Times the ensemble and the loop in turn, on the same members, views and photos."""

from __future__ import annotations

import argparse
import copy
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import measure, subject
from benchmarks.ensemble_inference.conventional import Conventional
from benchmarks.measure import Table
from benchmarks.trial_throughput.conventional import DECODED, jpeg, write_jpegs
from data_prep.labels import IntArray
from data_prep.store.store import Store
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member, network
from ensemble.voting.tta import views
from ensemble.voting.vote import Rule
from trainable import device
from trainable.config import TrialConfig
from trainable.network import model
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, look
from trainable.predict import Probabilities

OURS = "ensemble"
SURE = 3.0
"""The standard deviation of a photo's logits."""
FORMATS = {"NCHW": torch.contiguous_format, "channels_last": torch.channels_last}


def drawn(config: TrialConfig, photos: Tensor, preprocessing: Preprocessing, classes: int, seed: int) -> nn.Module:
    """A network on the CPU, in evaluation mode, that answers as variedly as a trained one."""
    made = model.build(config.model, classes, seed)
    images = look(photos, View(), preprocessing, torch.device("cpu"))
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the mean of what it sees
    with torch.no_grad():
        made.train()(images)
        *_, head = (module for module in made.modules() if isinstance(module, nn.Linear))
        logits = made.eval()(images)
        head.weight *= SURE / logits.std(dim=0).mean()
        head.bias -= made(images).mean(dim=0)
    return made


def both(
    options: argparse.Namespace, store: Store, rows: IntArray, place: torch.device
) -> tuple[Ensemble, dict[str, Conventional]]:
    """The ensemble, and the loop with the same members, in each layout and with each number of workers."""
    config = subject.config_for(store, options.arch)
    preprocessing = Preprocessing.of(config.crop, store)
    photos, classes = torch.from_numpy(store.read(rows[:64])), store.task.classes
    networks = [drawn(config, photos, preprocessing, classes, seed) for seed in range(options.members)]
    members = tuple(
        Member(str(seed), config, (network(config, each.state_dict(), classes, place),), preprocessing, place, classes)
        for seed, each in enumerate(networks)
    )
    loops = {
        f"{name}, {workers} workers": Conventional(copy.deepcopy(networks), layout, place, workers)
        for name, layout in FORMATS.items()
        for workers in options.workers
    }
    return Ensemble(members, Rule.equal(options.members), views(options.views)), loops


def compare(options: argparse.Namespace, store: Store, folder: Path) -> Table:
    """Time both in turn; `folder` is for JPEG files."""
    place = device.choose(options.device)
    rows = np.resize(np.sort(store.labelled("val")), options.photos)
    write_jpegs(store, np.unique(rows), folder)
    ours, loops = both(options, store, rows, place)
    preprocessing, decoded = ours.members[0].preprocessing, store.read(rows)
    found: dict[str, Probabilities] = {}
    per_cpu: dict[str, list[float]] = {}

    def keep(name: str, work: Callable[[], Probabilities]) -> float:
        before = _cpu_seconds()
        took, found[name] = measure.timed(work, place)
        per_cpu.setdefault(name, []).append(len(rows) / (_cpu_seconds() - before))
        return len(rows) / took

    work: dict[str, Callable[[], Probabilities]] = {OURS: partial(ours.predict_rows, store, rows)}
    for source in options.source:
        given = decoded if source == DECODED else [jpeg(folder, row) for row in rows]
        for name, loop in loops.items():
            work[f"{source}, {name}"] = partial(loop.predict, given, ours.views, preprocessing, options.batch_size)
    speeds = measure.alternate({name: partial(keep, name, each) for name, each in work.items()}, options.n)
    after_warm_up = {name: np.array(rates[1:]) for name, rates in per_cpu.items()}
    lines = [
        [
            name,
            *measure.spread(speed),
            *measure.ratio(speeds[OURS], speed),
            *measure.ratio(after_warm_up[OURS], after_warm_up[name]),
            float(abs(found[name] - found[OURS]).max()) if DECODED in name else None,
        ]
        for name, speed in speeds.items()
    ]
    answers, least_most = found[OURS], ("min", "max")
    return Table(
        f"An ensemble of {options.members} in {options.views} views against the conventional loop",
        {
            **measure.machine(place),
            "arch": options.arch,
            "crop": f"{preprocessing.crop} seen at {preprocessing.size}",
            "photos": len(rows),
            "batch": options.batch_size,
        },
        ["", "photos/s", *least_most, "times as fast", *least_most, "by CPU time", *least_most, "largest difference"],
        lines,
        f"Probabilities are {answers.min():.3f} to {answers.max():.3f}. JPEG files hold other pixels than the store.",
    )


def _cpu_seconds() -> float:
    """Of this process and of those that it has waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
