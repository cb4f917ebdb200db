"""The training loss: focal loss, label smoothing and soft F1, weighted and summed.

A target is int64 [n], the right classes, or float32 [n, classes], a distribution over the classes for each photo
(rows sum to 1), as mixing photos makes it. A distribution that is all on one class is that class.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.config import Loss


class LossParts(NamedTuple):
    """Its fields are scalars: `total` is the weighted sum, the others are as if their weight were 1."""

    total: Tensor
    focal: Tensor
    smoothing: Tensor
    soft_f1: Tensor


def focal(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Average over the batch -(1 - p_t)^gamma log p_t, with p_t the softmax of the right class.

    Of a distribution t over the classes it is the mean of sum_k t_k -(1 - p_k)^gamma log p_k.

    Args:
        logits: float [n, classes].
        target: int64 [n] or float32 [n, classes].

    Lin et al., Focal Loss for Dense Object Detection (2017); gamma 0 is cross-entropy.
    """
    log_p = F.log_softmax(logits, dim=1)
    if target.is_floating_point():
        return (target * _focal_terms(log_p, gamma)).sum(dim=1).mean()
    return _focal_terms(log_p.gather(1, target[:, None]), gamma).mean()


def smoothed_cross_entropy(logits: Tensor, target: Tensor, smoothing: float) -> Tensor:
    """Cross-entropy against 1 - smoothing on the right class and smoothing / (classes - 1) on each wrong one.

    A distribution t over the classes becomes (1 - smoothing) t + smoothing / (classes - 1) (1 - t).
    torch's own `label_smoothing` spreads over all classes, the right one too: there smoothing s is s (K-1)/K here.
    """
    log_p = F.log_softmax(logits, dim=1)
    right = (target * log_p).sum(dim=1) if target.is_floating_point() else log_p.gather(1, target[:, None]).squeeze(1)
    wrong = log_p.sum(dim=1) - right
    return -((1 - smoothing) * right + smoothing / (logits.shape[1] - 1) * wrong).mean()


def soft_f1(logits: Tensor, target: Tensor) -> Tensor:
    """1 - mean F1 over the classes present in `target`, with softmax probabilities as fractional counts.

    2PR / (P + R) = 2 tp / (predicted + actual). An absent class is left out: its F1 would be a zero that no
    gradient can mend. A photo of a distribution counts as that share of each class.
    """
    p = F.softmax(logits, dim=1)
    actual = (target if target.is_floating_point() else F.one_hot(target, logits.shape[1])).to(p.dtype)
    count = actual.sum(dim=0)
    f1 = 2 * (p * actual).sum(dim=0) / (p.sum(dim=0) + count).clamp_min(1e-12)
    present = (count > 0).to(p.dtype)
    return 1 - (f1 * present).sum() / present.sum()


def combined(logits: Tensor, target: Tensor, config: Loss) -> LossParts:
    """Compute all three in float32 whatever the logits are in; never waits for the device."""
    logits = logits.float()
    parts = (
        focal(logits, target, config.focal_gamma),
        smoothed_cross_entropy(logits, target, config.smoothing),
        soft_f1(logits, target),
    )
    weights = (config.focal_weight, config.smoothing_weight, config.f1_weight)
    total = torch.stack([weight * part for weight, part in zip(weights, parts, strict=True) if weight > 0]).sum()
    return LossParts(total, *parts)


def _focal_terms(log_p: Tensor, gamma: float) -> Tensor:
    """-(1 - p)^gamma log p of each log p."""
    # -expm1 keeps its digits, and its gradient, where p is all but 1.
    wrong = -torch.expm1(log_p)
    return -(wrong.clamp_min(1e-12) ** gamma * log_p)
