"""Whether a trial goes on where the device's memory runs short, and computes the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.gpu.part import Finding, Setting
from benchmarks.gpu.proofs.shortage import SHARES, most_taken, short_of_memory
from benchmarks.gpu.proofs.trials import computing_in, largest, recorded, small_batch, trial_on
from trainable.device import amp_dtype
from trainable.loop import Trial
from trainable.photos.preprocessing import Preprocessing
from trainable.predict import Probabilities, predict

WITHOUT_BATCH_NORM = "convnext_tiny"
SMALLEST_SIDE = 64
"""Pixels that it must see: it halves them five times."""

PHOTOS, AT_A_TIME = 160, 64
"""Val photos that are predicted."""

LOSS = 1e-2
"""Of the loss, how far that of a split batch may be from it."""
HALF, SINGLE = 3e-2, 1e-4
"""Largest differences of probabilities in 16 bits and in 32, where smaller batches are convolved in other ways. In all
a ResNet50's move by 0.02 between bfloat16 and float32."""
ALIKE = 0.99
"""The least cosine of two gradients of one batch."""


class Step:
    """A trial's first step.

    Attributes:
        loss: of the whole batch.
        parts: micro-batches that it took.
        gradient: of all parameters, float32 on the CPU.
    """

    def __init__(self, trial: Trial) -> None:
        steps = recorded(trial)
        trial._train()
        self.loss, self.parts = float(steps.losses[0]), trial.micro_batches
        gradients = (each.grad for each in trial.model.parameters() if each.grad is not None)
        self.gradient = torch.cat([each.flatten().float().cpu() for each in gradients])


def out_of_memory(setting: Setting) -> Iterator[Finding]:
    """Steps in less memory than a whole batch takes, of a network without batch normalization and the trial's own."""
    side = min(Preprocessing.of(setting.config().crop, setting.store).size)
    resize = {"crop/resize": min(4.0, max(1.0, SMALLEST_SIDE / side))}
    whole, split = _whole_and_split(setting, {"model/arch": WITHOUT_BATCH_NORM, **resize})
    yield _same_loss(WITHOUT_BATCH_NORM, whole, split)
    yield _same_gradient(WITHOUT_BATCH_NORM, whole, split)
    yield _goes_on(setting.arch, *_whole_and_split(setting, {}))


def _whole_and_split(setting: Setting, more: dict[str, Any]) -> tuple[Step, Step]:
    """One and the same first step, in all of the memory and in less."""

    def fresh() -> Trial:
        trial = trial_on(setting, 1, more)
        _never_skip(trial.model)
        return trial

    trial = fresh()
    whole = Step(trial)
    trial._optimizer.zero_grad(set_to_none=True)
    needed = most_taken(trial._train, trial.device)  # its second step: the first tries several ways to compute it
    for share in SHARES:
        trial = fresh()
        with short_of_memory(trial.model, trial.device, share * needed, small_batch(setting) // 2):
            split = Step(trial)
        if split.parts > 1:
            break
    return whole, split


def _never_skip(network: nn.Module) -> None:
    """Stochastic depth would leave out other layers in a micro-batch."""
    from torchvision.ops import StochasticDepth

    for module in network.modules():
        if isinstance(module, StochasticDepth):
            module.p = 0.0


def _same_loss(arch: str, whole: Step, split: Step) -> Finding:
    off = abs(split.loss - whole.loss) / abs(whole.loss)
    return Finding(
        f"out of memory, {arch}",
        f"went on in {split.parts} micro-batches with a loss of {split.loss:.4f}, {whole.loss:.4f} in one piece: "
        f"{off:.1e} of it off (limit {LOSS:.0e})",
        whole.parts == 1 < split.parts and off <= LOSS,
        {"micro_batches": split.parts, "whole": whole.loss, "split": split.loss},
    )


def _same_gradient(arch: str, whole: Step, split: Step) -> Finding:
    name = f"out of memory, {arch}, gradient"
    if not (whole.gradient.isfinite().all() and split.gradient.isfinite().all()):
        # The first scale of a GradScaler may be too large; the next step has a smaller one.
        return Finding(name, "overflowed in a first step, so that there is nothing to compare")
    cosine = float(F.cosine_similarity(whole.gradient.double(), split.gradient.double(), dim=0))
    said = f"the split batch's and the whole one's have a cosine of {cosine:.5f} (at least {ALIKE})"
    return Finding(name, said, cosine >= ALIKE, {"cosine": cosine})


def _goes_on(arch: str, whole: Step, split: Step) -> Finding:
    return Finding(
        f"out of memory, {arch}",
        f"went on in {split.parts} micro-batches with a loss of {split.loss:.4f}, {whole.loss:.4f} in one piece, where "
        "batch normalization sees more photos at a time",
        whole.parts == 1 < split.parts and math.isfinite(split.loss),
        {"micro_batches": split.parts, "whole": whole.loss, "split": split.loss},
    )


def validation_out_of_memory(setting: Setting) -> Iterator[Finding]:
    """Predictions in less memory than a batch takes, in the device's own precision and in float32."""
    trial = trial_on(setting, 4, val=PHOTOS)
    trial._train()  # first weights answer all photos alike
    for dtype in dict.fromkeys((amp_dtype(trial.device), torch.float32)):
        with computing_in(dtype), _no_tf32():
            yield _same_predictions(trial, dtype)


def _same_predictions(trial: Trial, dtype: torch.dtype) -> Finding:
    sizes: list[int] = []
    trial.model.register_forward_pre_hook(lambda module, inputs: sizes.append(len(inputs[0])))

    def predictions() -> Probabilities:
        return predict(trial.model, trial._feed, trial.val_rows, trial.preprocessing, batch_size=AT_A_TIME)

    whole, before = predictions(), sizes[-1]
    needed = most_taken(predictions, trial.device)
    for share in SHARES:
        with short_of_memory(trial.model, trial.device, share * needed, before // 2):
            split, after = predictions(), sizes[-1]
        if after < before:
            break
    off, limit = largest(whole, split), SINGLE if dtype == torch.float32 else HALF
    return Finding(
        f"out of memory in validation, {str(dtype).removeprefix('torch.')}",
        f"batches of {after} photos instead of {before}; probabilities ({whole.min():.3f} to {whole.max():.3f}) differ "
        f"by up to {off:.1e} (limit {limit:.0e})",
        after < before and off <= limit,
        {"before": before, "after": after, "off": off},
    )


@contextmanager
def _no_tf32() -> Iterator[None]:
    """Inside, float32 is computed as float32, which newer GPUs do not do in convolutions unless told so."""
    before = torch.backends.cudnn.allow_tf32
    try:
        torch.backends.cudnn.allow_tf32 = False
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before
