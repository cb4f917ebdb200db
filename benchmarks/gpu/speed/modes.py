"""What `--deterministic` costs and `--compile` brings: a trial's epoch with and without, in turn."""

from __future__ import annotations

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


DETERMINISTIC = Part(
    name="deterministic",
    about="what --deterministic costs",
    seconds=28,
    run=deterministic,
    environment={"CUBLAS_WORKSPACE_CONFIG": ":4096:8"},
)
COMPILED = Part(name="compiled", about="what --compile brings", seconds=100, run=compiled)
