"""What the measurements share: rates as findings, and an epoch of a size that suits the device."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchmarks import measure
from benchmarks.gpu.part import Finding, Setting

Rates = npt.NDArray[np.float64]


def steps(setting: Setting) -> int:
    """Count the steps of an epoch that is timed: 24 on a GPU, and 2 on a CPU, where only the code is tried."""
    return 24 if setting.device.startswith("cuda") else 2


def speed(name: str, rates: Rates, headline: str = "") -> Finding:
    """Photos a second."""
    return Finding(name, f"{spread(rates, '.0f')} photos/s", values=values(rates), headline=headline)


def ratio(name: str, ours: Rates, theirs: Rates, goal: str = "") -> Finding:
    """How many times as fast, round by round."""
    found = ours / theirs
    return Finding(name, f"{spread(found, '.3g')} times as fast{goal and f' (goal: {goal})'}", values=values(found))


def seconds(name: str, times: Rates, goal: str = "") -> Finding:
    return Finding(name, f"{spread(times, '.2f')} s{goal and f' (goal: {goal})'}", values=values(times))


def spread(found: Rates, form: str) -> str:
    """ "1,012 (998 to 1,020, n = 5)": median, minimum, maximum; of a single one "1,012 (n = 1)"."""
    middle, low, high = (format(value, f",{form}" if form == ".0f" else form) for value in measure.spread(found))
    return f"{middle} ({f'{low} to {high}, ' if len(found) > 1 else ''}n = {len(found)})"


def values(found: Rates) -> dict[str, object]:
    middle, low, high = measure.spread(found)
    return {"median": middle, "min": low, "max": high, "n": len(found)}
