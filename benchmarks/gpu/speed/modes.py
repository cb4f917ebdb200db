"""What `--deterministic`, `--compile` and cuDNN's search for convolutions cost and bring."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.speed import figures


def deterministic(setting: Setting) -> Iterator[Finding]:
    from benchmarks import measure
    from benchmarks.subject import epoch
    from trainable import device

    trial = setting.trial(figures.steps(setting) * setting.batch)

    def chosen(deterministic: bool) -> int:
        device.choose(setting.device, deterministic)
        return epoch(trial)

    try:
        programs = {"default": partial(chosen, False), "deterministic": partial(chosen, True)}
        rates = measure.in_turn(programs, setting.rounds, trial.device, seconds=setting.seconds)
    finally:
        device.choose(setting.device)
    yield figures.speed("deterministic", rates["deterministic"])
    yield figures.ratio("deterministic against default", rates["deterministic"], rates["default"])


def compiled(setting: Setting) -> Iterator[Finding]:
    from benchmarks import measure
    from benchmarks.subject import epoch
    from trainable import device
    from trainable.network import compiled as compiling

    if reason := compiling.why_not(device.choose(setting.device)):
        yield Finding("torch.compile", f"left out: {reason}")
        return
    photos = figures.steps(setting) * setting.batch
    eager, fast = setting.trial(photos), setting.trial(photos, compile=True)
    seconds, _ = measure.timed(partial(epoch, fast), fast.device)
    yield Finding("compiling, with an epoch", f"{seconds:.0f} s", values={"seconds": seconds})
    programs = {"eager": partial(epoch, eager), "compiled": partial(epoch, fast)}
    rates = measure.in_turn(programs, setting.rounds, eager.device, seconds=setting.seconds / 3)
    yield figures.speed("compiled", rates["compiled"])
    yield figures.ratio("compiled against eager", rates["compiled"], rates["eager"])


TRIES = "CUDNN_TRIES"
"""The variable that tells a process how many algorithms cuDNN tries for each convolution; it keeps what it found."""


def search(setting: Setting) -> Iterator[Finding]:
    """A first epoch, in which cuDNN searches, against later ones, and how fast these are."""
    import torch

    from benchmarks import measure
    from benchmarks.subject import epoch

    trial, tries = setting.trial(figures.steps(setting) * setting.batch), int(os.environ[TRIES])
    torch.backends.cudnn.benchmark, torch.backends.cudnn.benchmark_limit = tries > 0, tries
    first, _ = measure.timed(partial(epoch, trial), trial.device)
    rates = measure.in_turn({"trial": partial(epoch, trial)}, setting.rounds, trial.device, seconds=setting.seconds)
    later = setting.batch * figures.steps(setting) / rates["trial"]
    yield figures.speed("later epochs", rates["trial"])
    yield figures.seconds("a first epoch beyond them", first - later)


def searching(tries: int) -> Part:
    about = f"trying {tries} algorithms for each" if tries else "without trying any"
    return Part(
        name=f"cuDNN with {tries} tries",
        about=f"how long cuDNN searches for convolutions, and what it finds, {about}",
        seconds=20,
        run=search,
        environment={TRIES: str(tries)},
    )


DETERMINISTIC = Part(
    name="deterministic",
    about="what --deterministic costs",
    seconds=28,
    run=deterministic,
    environment={"CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
)
COMPILED = Part(name="compiled", about="what --compile brings", seconds=100, run=compiled)
