"""How sure a member should be: the temperature under which val's labels are likeliest (Guo et al. 2017)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from trainable.predict import Probabilities

SHARPEST, SOFTEST = 0.2, 5.0
LEAST = 1e-7
"""A probability that is rounded to 0 has this one: its logarithm is needed."""


def fit_temperature(probabilities: Probabilities, truth: npt.NDArray[np.int64]) -> float:
    """Find the temperature with the least negative log likelihood, from SHARPEST to SOFTEST.

    Args:
        probabilities: float32 [n, classes].
        truth: int64 [n].
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), LEAST))
    actual = logits[np.arange(len(truth)), truth].mean()
    # Convex in the inverse temperature: its slope, the expected logit less the actual one, has one zero.
    low, high = 1 / SOFTEST, 1 / SHARPEST
    for _ in range(20):
        middle = (low + high) / 2
        scaled = np.exp(middle * (logits - logits.max(axis=1, keepdims=True)))
        expected = ((scaled / scaled.sum(axis=1, keepdims=True)) * logits).sum(axis=1).mean()
        low, high = (middle, high) if expected < actual else (low, middle)
    return float(2 / (low + high))
