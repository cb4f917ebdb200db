"""Seconds from one trial's last step to the end of the next one's first, in one process, without Ray."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.speed import figures

STEPS = 4
SMALLER = 8
"""Source pixels by which the crop of each trial is smaller than that of the one before, where it is a new one."""


def run(setting: Setting) -> Iterator[Finding]:
    import numpy as np

    from trainable import device
    from trainable.workbench import Workbench

    bench = Workbench(device.choose(setting.device))
    crops = [setting.crop - SMALLER * number for number in range(setting.rounds + 1)]
    _trial(setting, bench, setting.crop)._train()
    same = [_turnover(setting, bench, setting.crop) for _ in range(setting.rounds)]
    new = [_turnover(setting, bench, crop) for crop in crops[1:]]
    yield figures.seconds("the same crop", np.array(same), "under 1")
    yield figures.seconds("a crop not seen before", np.array(new), "under 1")


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
    seconds=20,
    run=run,
)
