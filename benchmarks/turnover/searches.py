"""The two searches that `benchmarks.turnover` compares, and what is measured in them."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import itertools
import json
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import measure
from benchmarks.measure import Table
from data_prep.store.store import Store
from trainable import device
from trainable.config import TrialConfig, parse_setting
from trainable.loop import Trial
from trainable.worker.ray_trainable import RayTrial
from tuning import search
from tuning.cluster import session
from tuning.plan import profiles, resources, spaces
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.settings import shared_settings

TRAIN_PHOTOS, VAL_PHOTOS = 128, 32
SAVED, RESET, ASKED, FIRST, STEPPED, ENDED = "saved_at", "reset_at", "asked_at", "first_step", "stepped_at", "ended_at"
"""Moments of a trial's result, of time.time(); the first two are of the trial before, if the actor was its too."""
PARTS = {"result to saved": SAVED, "to reset": RESET, "to asked": ASKED, "to first step": FIRST, "the step": STEPPED}
ALL = "in all"
WITH, WITHOUT = "reused actor", "new actor"


class Timed(RayTrial):
    """Says when what happened to it, on the clock of time.time()."""

    def setup(self, config: dict[str, Any]) -> None:
        super().setup(config)
        self._moments: dict[str, float] = {}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        super().save_checkpoint(checkpoint_dir)
        self._moments[SAVED] = time.time()

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._moments[RESET] = time.time()
        return super().reset_config(new_config)

    def step(self) -> dict[str, Any]:
        moments, self._moments = {**self._moments, ASKED: time.time()}, {}
        self._watch_first_step(self._current(), moments)
        return {**super().step(), **moments, ENDED: time.time()}

    def _watch_first_step(self, trial: Trial, moments: dict[str, float]) -> None:
        step = trial._step

        def first(*given: Any) -> Any:
            moments[FIRST] = time.time()
            found = step(*given)
            measure.synchronize(trial.device)
            moments[STEPPED] = time.time()
            trial._step = step  # type: ignore[method-assign]
            return found

        trial._step = first  # type: ignore[method-assign]


def plan(store: Store, folder: Path, options: argparse.Namespace) -> Plan:
    """n + 1 trials of an epoch each, one after the other, each with a trial's share of the machine."""
    space, of = spaces.load(options.space), profiles.for_store(store, gpu=False, weights="none")
    fixed = shared_settings(space, of, epochs=1, weights="none", seed=0)
    share = resources.share(*session.cluster_size(), cpus_per_trial=options.threads)
    return Plan(
        folder=folder,
        space=space,
        profile=of,
        store=str(store.path),
        settings={**fixed, "model/arch": options.arch, **dict(map(parse_setting, options.set))},
        budget=Budget(trials=options.n + 1),
        epochs=1,
        grace=1,
        reduction=2,
        keep=1,
        resources=dataclasses.replace(share, concurrent=1),
        seed=0,
        compile=options.compile,
    )


def run(plan: Plan, store: Store, reuse: bool) -> list[dict[str, Any]]:
    """One result of each trial of the search, in the order in which they ran."""
    plan.folder.parent.mkdir(parents=True, exist_ok=True)
    measure.say(f"{plan.name}: {plan.budget.trials} trials; the log is {plan.folder.parent / 'log'}")
    arguments = search._arguments
    log = (plan.folder.parent / "log").open("a")
    with (
        log,
        contextlib.redirect_stdout(log),
        patch.object(search, "_arguments", lambda *args: {**arguments(*args), "reuse_actors": reuse}),
    ):
        search.run(plan, store, Timed)
    results = [json.loads(line) for file in plan.folder.glob("*/result.json") for line in file.read_text().splitlines()]
    return sorted(results, key=lambda result: result[ASKED])


def turnovers(results: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Seconds from each trial to the next: of each part that was measured, and in all."""
    found = []
    for last, following in itertools.pairwise(results):
        moments = [last[ENDED], *(following[moment] for moment in PARTS.values() if moment in following)]
        names = [name for name, moment in PARTS.items() if moment in following]
        parts = dict(zip(names, np.diff(moments).tolist(), strict=True))
        found.append({**parts, ALL: following[FIRST] - last[ENDED]})
        measure.say(", ".join(f"{name} {seconds:.2f} s" for name, seconds in found[-1].items()))
    return found


def table(found: dict[str, list[dict[str, float]]], plan: Plan, store: Store, n: int) -> Table:
    config = TrialConfig.from_flat(plan.settings)
    where = device.choose()
    return Table(
        "From a trial's last result to the next one's first training step, seconds",
        {
            **measure.machine(where),
            "threads": plan.resources.cpus,
            "arch": config.model.arch,
            "optimizer": config.optimizer.name,
            "batch": config.train.batch_size,
            "crop": f"{config.crop.height}x{config.crop.width} of {'x'.join(map(str, store.source_size))}",
            "photos": len(store.rows("train")),
            **({"compiled": True} if plan.compile else {}),
            "n =": n,
        },
        ["", "median", "min", "max", *(f"median, {part}" for part in PARTS)],
        [[name, *measure.spread([parts[ALL] for parts in times]), *medians(times)] for name, times in found.items()],
        "A new actor cannot say when the last one had saved: its Ray and start are all in one number.",
    )


def medians(times: list[dict[str, float]]) -> list[float | None]:
    """Take the median of each of PARTS; None where it was not measured."""
    measured = [[parts[name] for parts in times if name in parts] for name in PARTS]
    return [measure.spread(seconds)[0] if seconds else None for seconds in measured]
