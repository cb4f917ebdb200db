"""Soft voting: the mean of the members' class probabilities (never of logits, never over the batch)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from trainable.predict import Probabilities


def soft_vote(members: Sequence[Probabilities]) -> Probabilities:
    """Average one [n, classes] array a member, rows summing to 1, to their mean, [n, classes].

    Raises:
        ValueError: no members, or rows that are no probabilities.
    """
    if not members:
        raise ValueError("soft_vote: at least one member is needed, but got none")
    for number, probabilities in enumerate(members):
        if (probabilities < 0).any() or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
            raise ValueError(f"soft_vote: rows must sum to 1 (softmax over classes), but member {number}'s do not")
    return np.mean(np.stack(members), axis=0, dtype=np.float32)
