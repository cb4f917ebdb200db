"""What each class's probability is multiplied by before the highest is taken: tuned for macro F1 on val.

The class of the highest probability is right most often; macro F1 is higher where rare classes are called more readily.
"""

from __future__ import annotations

import numpy as np

from ensemble.selection.pool import Pool, Weights
from trainable.predict import Probabilities

FACTORS = tuple(2.0 ** (step / 4) for step in range(-4, 5))
"""From a half to twice, and 1: what is further from 1 fits val's people and nobody else."""

PASSES = 2


def fit_class_weights(pool: Pool, votes: Probabilities) -> Weights:
    """Try factors for one class after the other (coordinate ascent): float64 [classes].

    A class keeps 1 where no other factor is better, and so does one that no photo is of.

    Args:
        votes: float32 [n, classes] of the pool's photos.
    """
    weights = np.ones(votes.shape[1])
    by_distance = sorted(FACTORS, key=lambda factor: abs(np.log(factor)))
    for _ in range(PASSES):
        for number in np.unique(pool.truth):
            tried = np.repeat(weights[None], len(FACTORS), axis=0)
            tried[:, number] = by_distance
            scores = pool.f1((votes * tried[:, None]).argmax(axis=2))
            current = scores[by_distance.index(weights[number])]
            if scores.max() > current + 1e-12:
                weights[number] = by_distance[int(scores.argmax())]
    return weights
