"""How much of a step is the data path: reading, uploading and augmenting, on the trial's own device."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.speed import figures


def run(setting: Setting) -> Iterator[Finding]:
    from benchmarks import measure
    from benchmarks.subject import epoch
    from benchmarks.trial_throughput import pipeline
    from trainable.photos.feed import Resident, Streamed
    from trainable.workbench import Workbench

    trial = setting.trial(figures.steps(setting) * setting.batch)
    bench = Workbench(trial.device)
    feeds = {"streamed": Streamed(trial.store, trial.device)}
    if trial.device.type == "cuda":
        feeds["resident"] = Resident(trial.store, trial.device, trial._rows)

    def photos_of(name: str) -> int:
        bench._feed = feeds[name]
        return pipeline.ours(trial, bench)

    programs = {"trial": partial(epoch, trial), **{name: partial(photos_of, name) for name in feeds}}
    rates = measure.in_turn(programs, setting.rounds, trial.device, seconds=setting.seconds)
    for name in feeds:
        yield _share(name, rates, trial.config.train.batch_size)


def _share(name: str, rates: dict[str, figures.Rates], batch: int) -> Finding:
    share, milliseconds = rates["trial"] / rates[name], 1e3 * batch / rates[name]
    said = (
        f"{figures.spread(milliseconds, '.2f')} ms a batch, {figures.spread(100 * share, '.2f')}% of a step if nothing "
        "overlapped (goal: 2%)"
    )
    return Finding(
        f"photos {name}, augmented", said, values={**figures.values(share), "ms": figures.values(milliseconds)}
    )


PART = Part(
    name="data path",
    about="how much of a training step reading and augmenting the photos takes",
    seconds=15,
    run=run,
)
