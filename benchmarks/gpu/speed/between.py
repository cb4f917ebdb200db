"""Seconds from one trial's last step to the end of the next one's first, in one process, without Ray."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.speed import figures

STEPS = 4
SMALLER = 8
"""Source pixels by which the crop of each trial is smaller than that of the one before, where it is a new one."""


def run(setting: Setting) -> Iterator[Finding]:
    from trainable import device
    from trainable.workbench import Workbench

    bench, until = Workbench(device.choose(setting.device)), time.monotonic() + setting.seconds
    _trial(setting, bench, setting.crop)._train()
    same = [setting.crop] * setting.rounds
    yield figures.seconds("the same crop", _turnovers(setting, bench, same, until), "under 1")
    new = [setting.crop - SMALLER * number for number in range(1, setting.rounds + 1)]
    yield figures.seconds("a crop not seen before", _turnovers(setting, bench, new, until))


def _turnovers(setting: Setting, bench: Any, crops: list[int], until: float) -> figures.Rates:
    """Seconds of one turnover a crop, of fewer where time is up: cuDNN's search takes some for a new one."""
    import numpy as np

    found: list[float] = []
    for crop in crops:
        found.append(_turnover(setting, bench, crop))
        if time.monotonic() > until:
            break
    return np.array(found)


def _turnover(setting: Setting, bench: Any, crop: int) -> float:
    """What a worker does between two trials (ray_trainable.py), and the first step."""
    from benchmarks import measure

    def first_step() -> None:
        bench.clear()
        trial = _trial(setting, bench, crop, STEPS)
        step = trial._step

        def once(*arguments: Any) -> Any:
            step(*arguments)
            raise _SteppedError

        trial._step = once  # type: ignore[method-assign]
        with suppress(_SteppedError):
            trial._train()

    return measure.timed(first_step, bench.device)[0]


class _SteppedError(Exception):
    """The first step is done."""


def _trial(setting: Setting, bench: Any, crop: int, steps: int = STEPS) -> Any:
    from benchmarks import subject
    from trainable.loop import Trial

    config = setting.config(**{"crop/height": crop, "crop/width": crop})
    return Trial(config, subject.few(setting.store, steps * setting.batch, config), bench)


PART = Part(
    name="turnover",
    about="from one trial's last step to the end of the next one's first",
    seconds=30,
    run=run,
)
