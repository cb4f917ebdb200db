"""Views for test-time augmentation: fixed by a seed, the plain photo first."""

from __future__ import annotations

import numpy as np

from trainable.photos.params import View

MAX_ANGLE = 10.0
"""Degrees; within the 15 that training rotates by."""


def views(n: int, seed: int = 0) -> tuple[View, ...]:
    """List the plain photo, its mirror image, then seeded small rotations, every other one mirrored.

    The first k of views(n) are views(k): more views refine a prediction, they do not replace it.
    """
    if n < 1:
        raise ValueError(f"views: n >= 1 must hold, but got {n}")
    angles = np.random.default_rng(seed).uniform(-MAX_ANGLE, MAX_ANGLE, size=max(0, n - 2))
    turned = [View(angle=float(angle), flip=number % 2 == 1) for number, angle in enumerate(angles)]
    return tuple([View(), View(flip=True), *turned][:n])
