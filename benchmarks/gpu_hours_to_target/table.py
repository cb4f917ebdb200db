"""How soon methods find what random search finds at its end, in a table with spreads over seeds."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from benchmarks.gpu_hours_to_target.bench import RANDOM, TPE, Bench
from benchmarks.measure import Floats

BUDGETS = (0.1, 0.2, 0.5, 1.0)
"""Shares of the budget at which methods are compared."""
RESAMPLES = 1000


def table(bench: Bench, found: dict[str, Floats]) -> Iterator[str]:
    """Markdown. Means over seeds +/- standard error; the last columns are about the target."""
    target = found[RANDOM][:, -1].mean()
    at = [round(share * bench.budget) for share in BUDGETS]
    yield f"target F1 {target:.4f}: the mean of {RANDOM} at its end\n"
    heads = [f"F1 at {bench.hours(epochs):.2f} h" for epochs in at]
    yield "| " + " | ".join(["method", *heads, "crosses target, h", "x fewer (90%)", "seeds there", "median, h"]) + " |"
    yield "|---|" + "---:|" * (len(heads) + 4)
    for name, f1 in found.items():
        scores = [_mean(f1[:, epochs - 1]) for epochs in at]
        yield "| " + " | ".join([name, *scores, *_to_target(bench, f1, found[RANDOM], target)]) + " |"
    yield f"\nF1 above {TPE} at full length, at equal budget:\n"
    yield "| " + " | ".join(["method", *heads]) + " |"
    yield "|---|" + "---:|" * len(heads)
    for name, f1 in found.items():
        if name != TPE:
            differences = [_mean(f1[:, epochs - 1] - found[TPE][:, epochs - 1], "+") for epochs in at]
            yield "| " + " | ".join([name, *differences]) + " |"


def _to_target(bench: Bench, f1: Floats, random: Floats, target: float) -> list[str]:
    low, high = interval(f1, random)
    first = [crossing(each, target) for each in f1]
    return [
        _hours(bench, crossing(f1.mean(axis=0), target)),
        f"{_times_fewer(f1, random):.2f} ({low:.2f} .. {high:.2f})",
        f"{np.isfinite(first).mean():.0%}",
        _hours(bench, float(np.quantile(first, 0.5, method="higher"))),
    ]


def crossing(f1: Floats, target: float) -> float:
    """Epochs until F1 [epochs] is the target; infinity for never."""
    reached = f1 >= target - 1e-12
    return float(reached.argmax() + 1) if reached.any() else math.inf


def _times_fewer(f1: Floats, random: Floats) -> float:
    """How many times fewer epochs than random search the mean F1 [seeds, epochs] needs to its end; 0 for never."""
    baseline = random.mean(axis=0)
    return crossing(baseline, baseline[-1]) / crossing(f1.mean(axis=0), baseline[-1])


def interval(f1: Floats, random: Floats) -> tuple[float, float]:
    """90% bootstrap interval, over seeds, of `_times_fewer`."""
    rng = np.random.default_rng(0)
    picks = rng.integers(len(f1), size=(RESAMPLES, len(f1)))
    low, high = np.quantile([_times_fewer(f1[picked], random[picked]) for picked in picks], [0.05, 0.95])
    return float(low), float(high)


def _hours(bench: Bench, epochs: float) -> str:
    return f"{bench.hours(epochs):.2f}" if math.isfinite(epochs) else f"> {bench.hours(bench.budget):.2f}"


def _mean(values: Sequence[float] | Floats, sign: str = "") -> str:
    return f"{np.mean(values):{sign}.4f} +/- {np.std(values, ddof=1) / len(values) ** 0.5:.4f}"
