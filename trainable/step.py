"""Loss and gradients of one batch: in one piece, or in micro-batches where the device's memory is short."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from trainable import losses
from trainable.config import Loss
from trainable.device import autocast

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
    """The same in equal micro-batches of about `photos` photos.

    Soft F1 is no mean over photos, so summing the losses of the parts would train on another loss. Instead the loss is
    taken of the whole batch's logits, and its gradient by them is handed to each part's own backward pass (gradient
    caching, Gao et al. 2021, https://arxiv.org/abs/2101.06983): one more forward pass, and the whole batch's gradient
    but for batch normalization, which sees a micro-batch at a time.
    """
    parts = images.tensor_split(_count(len(images), photos))
    states = []
    with torch.no_grad(), autocast(images.device):
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
    """Micro-batches of n photos: as many as keep them at about `photos`, none smaller than SMALLEST."""
    return max(1, min(math.ceil(n / photos), n // SMALLEST))


@contextmanager
def _running_statistics_kept(network: nn.Module) -> Iterator[None]:
    """Batch normalization computes with the batch's statistics, but counts them no second time."""
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    tracked = [module.track_running_stats for module in norms]
    try:
        for module in norms:
            module.track_running_stats = False
        yield
    finally:
        for module, before in zip(norms, tracked, strict=True):
            module.track_running_stats = before


def _random_state(device: torch.device) -> Tensor:
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _set_random_state(device: torch.device, state: Tensor) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.set_rng_state(state)
