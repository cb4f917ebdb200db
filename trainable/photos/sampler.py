"""Which photos an epoch shows when rare classes shall come more often than they are."""

from __future__ import annotations

import numpy as np
import torch

from data_prep.labels import IntArray


def balanced(classes: IntArray, balance: float, generator: torch.Generator) -> IntArray:
    """Draw as many positions as there are photos, with replacement: an epoch's order.

    Each photo is drawn in proportion to count(its class)^-balance, so that a class of c photos is shown in proportion
    to c^(1 - balance): with 1 all classes equally often, near 0 as often as they are.

    Args:
        classes: int64 [n], from 0.
        balance: in (0, 1].
        generator: a CPU one; what is drawn is a pure function of its state.

    Returns:
        int64 [n], positions 0..n-1 in random order.
    """
    weight = np.bincount(classes)[classes].astype(np.float64) ** -balance
    reach = weight.cumsum()
    at = torch.rand(len(classes), generator=generator, dtype=torch.float64).numpy() * reach[-1]
    # A number just below 1 times the sum may round to the sum, which is beyond the last photo.
    return np.searchsorted(reach, at, side="right").clip(max=len(classes) - 1)
