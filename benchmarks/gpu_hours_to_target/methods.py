"""The searches that `benchmarks.gpu_hours_to_target` compares, and the bench they run on, as its options say."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.gpu_hours_to_target.bench import RANDOM, Bench, Method
from common.errors import OptionError
from tuning.plan import spaces
from tuning.replay import curves
from tuning.replay.simulation import PRUNED

GRACES, REDUCTIONS = (2, 3, 4, 6, 8, 9, 12), (2, 3, 4)


def bench_of(options: argparse.Namespace) -> Bench:
    recorded = curves.of_file(options.curves)
    epochs = max(map(len, recorded))
    if not 0 < options.share <= 1:
        raise OptionError(f"--share: 0 < share <= 1 must hold, but got {options.share:g}")
    if options.grace > epochs:
        raise OptionError(f"--grace: a curve has {epochs} epochs, but got {options.grace}; name fewer")
    if options.reduction < 2:
        raise OptionError(f"--reduction: at least 2 is needed, but got {options.reduction}")
    second = float(np.median([second for curve in recorded for second in curve.seconds]))
    return Bench(
        curves=tuple(dataclasses.replace(curve, seconds=(second,) * len(curve)) for curve in recorded),
        space=spaces.load(options.space),
        epochs=epochs,
        budget=options.trials * epochs,
        second=second,
        slots=options.slots,
        seeds=options.seeds,
        share=options.share,
        once=not options.repeat,
    )


def our_search(options: argparse.Namespace) -> Method:
    return Method(
        "this search",
        grace=options.grace,
        reduction=options.reduction,
        by_best=options.by_best,
        options=dict(map(_option, options.sampler)),
        told=options.told,
    )


def _option(text: str) -> tuple[str, int | bool]:
    key, _, value = text.partition("=")
    if key in ("multivariate", "constant_liar", "group") and value in ("true", "false"):
        return key, value == "true"
    if key in ("n_startup_trials", "n_ei_candidates") and value.isdecimal():
        return key, int(value)
    raise OptionError(
        f"--sampler: multivariate, constant_liar or group=true|false, n_startup_trials or n_ei_candidates=N is needed, "
        f"but got {text!r}"
    )


def sweep(ours: Method, epochs: int) -> Iterator[Method]:
    for grace in (each for each in GRACES if each < epochs):
        for reduction in REDUCTIONS:
            yield dataclasses.replace(
                ours, name=f"grace {grace}, reduction {reduction}", grace=grace, reduction=reduction
            )


def variants(ours: Method) -> Iterator[Method]:
    changes: dict[str, dict[str, Any]] = {
        "stopped trials told as pruned": {"told": PRUNED},
        "ASHA by the best F1 so far": {"by_best": True},
        "no starting points": {"start": False},
        "random points": {"sampler": RANDOM},
        "5 random trials first": {"options": {"n_startup_trials": 5}},
        "20 random trials first": {"options": {"n_startup_trials": 20}},
        "40 random trials first": {"options": {"n_startup_trials": 40}},
        "independent TPE": {"options": {"multivariate": False}},
        "no constant liar": {"options": {"constant_liar": False}},
        "group": {"options": {"group": True}},
    }
    for name, change in changes.items():
        yield dataclasses.replace(ours, name=name, **change)


def about(bench: Bench, ours: Method) -> str:
    return (
        f"{len(bench.curves)} curves of {bench.epochs} epochs, {bench.share:.0%} of them in each table; "
        f"budget {bench.budget} epochs = {bench.hours(bench.budget):.2f} GPU-hours at {bench.second:.2f} s an epoch; "
        f"{bench.slots} slots, {bench.seeds} seeds\n"
        f"this search: grace {ours.grace}, reduction {ours.reduction}, by {'best' if ours.by_best else 'last'} F1, "
        f"stopped trials told as {ours.told}, sampler {ours.options or 'as shipped'}\n"
    )
