"""Whether trials learn in 16 bits, and whether a step whose gradients overflow leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.trials import (
    LR,
    can_bfloat16,
    computing_in,
    device_of,
    recorded,
    train_steps,
    trial_on,
)
from common.errors import DivergedError
from trainable.loop import Trial

FALLS_BELOW = 0.9
"""Of the mean loss of the first tenth of the steps, that of the last tenth."""

TOO_LARGE, SMALLER, TRIES = 2.0**40, 2.0**-4, 16
"""A first scale with which gradients overflow, what it is multiplied by each time, and how often at most."""

GARBAGE = 1e30
OFF = 1e-3
"""Of the longest first step of a weight, how far one may be from its own."""


def fp16(setting: Setting) -> Iterator[Finding]:
    with computing_in(torch.float16):
        yield _learns(setting, "float16")
        yield _overflows(setting)


def bf16(setting: Setting) -> Iterator[Finding]:
    if not can_bfloat16(device_of(setting)):
        yield Finding("training in bfloat16", "left out: GPUs compute in it from sm_80 on")
        return
    with computing_in(torch.bfloat16):
        yield _learns(setting, "bfloat16")


def _learns(setting: Setting, dtype: str) -> Finding:
    """The loss of `setting.steps` steps. They are of two batches, which any network that learns knows by heart soon."""
    trial = trial_on(setting, 2, batch=setting.batch)
    first_scale, steps, name = trial._scaler.get_scale(), recorded(trial), f"training in {dtype}"
    try:
        train_steps(trial, setting.steps)
    except DivergedError as error:
        return Finding(name, str(error), False, {"losses": [str(loss) for loss in steps.loss()]})
    losses = steps.loss()
    tenth = max(1, len(losses) // 10)
    first, last = float(losses[:tenth].mean()), float(losses[-tenth:].mean())
    skipped, scale = steps.skipped(first_scale), trial._scaler.get_scale()
    said = (
        f"{len(losses)} steps: mean loss {first:.3f} in the first tenth, {last:.3f} in the last, {last / first:.2f} of "
        f"it (limit {FALLS_BELOW})"
    )
    if trial._scaler.is_enabled():
        said += f"; the scaler skipped {skipped} steps, its last scale is {scale:.0f}"
    values = {"steps": len(losses), "first": first, "last": last, "skipped": skipped, "scale": scale}
    return Finding(name, said, last < FALLS_BELOW * first, values)


def _overflows(setting: Setting) -> Finding:
    """Steps whose gradients are infinite, until one has finite ones. That one must be what a first step is, though all
    memory that the optimizer could have taken meanwhile was full of garbage."""
    trial = trial_on(setting, 1, batch=setting.batch)
    trial._scaler = torch.GradScaler(trial.device.type, init_scale=TOO_LARGE, backoff_factor=SMALLER)
    _garbage_before_steps(trial)
    before = [each.detach().clone() for each in trial.model.parameters()]
    skipped = _skipped(trial, before)
    off = _from_a_first_step(trial, before)
    return Finding(
        "a first step that overflows",
        f"{skipped} steps overflowed and left the weights as they were; the next was off a plain first step by "
        f"{off:.1e} of it (limit {OFF:.0e})",
        0 < skipped < TRIES and off <= OFF,
        {"skipped": skipped, "off": off, "scale": trial._scaler.get_scale()},
    )


def _garbage_before_steps(trial: Trial) -> None:
    """Whatever takes memory in a step of the optimizer without writing to it finds garbage there."""
    step = trial._scaler.step

    def after_garbage(optimizer: torch.optim.Optimizer) -> Any:
        garbage = [torch.full_like(each, GARBAGE) for each in trial.model.parameters()]
        del garbage  # the next that asks for as much gets it
        return step(optimizer)

    trial._scaler.step = after_garbage  # type: ignore[method-assign]


def _skipped(trial: Trial, before: list[Tensor]) -> int:
    """Steps before the first that changes a weight, always of the same batch."""
    for number in range(TRIES):
        trial._train()
        if not all(torch.equal(now, then) for now, then in zip(trial.model.parameters(), before, strict=True)):
            return number
    return TRIES


@torch.no_grad()
def _from_a_first_step(trial: Trial, before: list[Tensor]) -> float:
    """How far the weights are from w - LR (gradient + decay w), in units of the longest such step; NaN where one is."""
    decay = trial.config.optimizer.weight_decay
    off, longest = [], []
    for now, then in zip(trial.model.parameters(), before, strict=True):
        assert now.grad is not None
        step = LR * (now.grad + decay * then)  # a fused optimizer leaves the gradient unscaled
        off.append((then - step - now).abs().max())
        longest.append(step.abs().max())
    return float(torch.stack(off).max() / torch.stack(longest).max())
