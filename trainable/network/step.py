"""Loss and gradients of one batch: in one piece, or in micro-batches where the device's memory is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from trainable.config import Loss
from trainable.device import autocast
from trainable.recipe import losses

Forward = Callable[[Tensor], Tensor]

SMALLEST = 2
"""Photos of a micro-batch: batch normalization cannot train on one."""


def gradients(forward: Forward, images: Tensor, target: Tensor, config: Loss, scaler: torch.GradScaler) -> Tensor:
    """Add the gradient of the batch's (scaled) loss to the network's parameters.

    Args:
        forward: the network, or its compiled code.
        images: float32 [n, 3, h, w]. target: int64 [n] or float32 [n, classes].

    Returns:
        total, focal, smoothing and soft F1 loss, float32 [4] on the device, without a graph.
    """
    with autocast(images.device):
        logits = forward(images)
    parts = losses.combined(logits, target, config)
    scaler.scale(parts.total).backward()
    return torch.stack(parts).detach()


def gradients_in_parts(
    network: nn.Module, images: Tensor, target: Tensor, config: Loss, scaler: torch.GradScaler, photos: int
) -> Tensor:
    """Add the gradient as `gradients` does, in equal micro-batches of about `photos` photos.

    Soft F1 is no mean over photos, so summing the losses of the parts would train on another loss. Instead the loss is
    taken of the whole batch's logits, and its gradient by them is handed to each part's own backward pass (gradient
    caching, Gao et al. 2021, https://arxiv.org/abs/2101.06983): one more forward pass, and the whole batch's gradient
    but for batch normalization, which sees a micro-batch at a time. Its running statistics move as far as in one step.
    """
    parts = images.tensor_split(_count(len(images), photos))
    states = []
    with torch.no_grad(), autocast(images.device), _momentum_shared(network, len(parts)):
        logits = []
        for part in parts:
            states.append(_random_state(images.device))
            logits.append(network(part).float())
    joined = torch.cat(logits).requires_grad_()
    found = losses.combined(joined, target, config)
    scaler.scale(found.total).backward()
    assert joined.grad is not None
    after = _random_state(images.device)
    with _running_statistics_kept(network):
        for part, state, gradient in zip(parts, states, joined.grad.split([len(p) for p in parts]), strict=True):
            _set_random_state(images.device, state)  # the same dropout as in the first pass
            with autocast(images.device):
                again = network(part).float()
            again.backward(gradient)
    _set_random_state(images.device, after)
    return torch.stack(found).detach()


def _count(n: int, photos: int) -> int:
    """Count the micro-batches of n photos: as many as keep them at about `photos`, none smaller than SMALLEST."""
    return max(1, min(math.ceil(n / photos), n // SMALLEST))


@contextmanager
def _running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Inside, batch normalization computes with the batch's statistics, but counts them no second time."""
    norms = _batch_norms(network)
    tracked = [module.track_running_stats for module in norms]
    try:
        for module in norms:
            module.track_running_stats = False
        yield
    finally:
        for module, before in zip(norms, tracked, strict=True):
            module.track_running_stats = before


@contextmanager
def _momentum_shared(network: nn.Module, parts: int) -> Iterator[None]:
    """Inside, the running statistics of batch normalization move in `parts` steps as far as they else do in one.

    What is left of them after a step with momentum m is 1 - m, so each of k steps has the momentum 1 - (1 - m)^(1/k).
    """
    norms = [module for module in _batch_norms(network) if module.momentum is not None]
    momenta = [module.momentum for module in norms]
    try:
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = 1 - (1 - momentum) ** (1 / parts)
        yield
    finally:
        for module, momentum in zip(norms, momenta, strict=True):
            module.momentum = momentum


def _batch_norms(network: nn.Module) -> list[Any]:
    return [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]


class Undo:
    """What a failed attempt at a step has changed is put back: the random state, and the network's buffers (batch
    normalization's running statistics). The next attempt is then the same function of (seed, epoch)."""

    def __init__(self, network: nn.Module, device: torch.device) -> None:
        self._device = device
        buffers = list(network.buffers())
        kinds = {buffer.dtype for buffer in buffers}
        # One call copies a list of tensors, but of one type.
        self._live = [[buffer for buffer in buffers if buffer.dtype == kind] for kind in kinds]
        self._kept = [[torch.empty_like(buffer) for buffer in live] for live in self._live]

    def remember(self) -> None:
        """What is now is what `restore` goes back to; never waits for the device."""
        self._random = _random_state(self._device)
        for kept, live in zip(self._kept, self._live, strict=True):
            torch._foreach_copy_(kept, live)

    def restore(self) -> None:
        _set_random_state(self._device, self._random)
        for kept, live in zip(self._kept, self._live, strict=True):
            torch._foreach_copy_(live, kept)


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _set_random_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
