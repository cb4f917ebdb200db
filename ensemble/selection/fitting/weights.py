"""Weights of members on the simplex, searched for macro F1 on val (cross-entropy method; Rubinstein 1999).

Macro F1 moves in steps, so there is no gradient: weights are drawn, and the mean of the best leads the next draws,
which lie closer around it. A mean of good weights fits chance less than the best of them, and a share of equal weights
draws it back further. (The weights under which val's labels are likeliest were tried, too. Where members are too sure
of themselves, these were worse than equal ones.)
"""

from __future__ import annotations

import numpy as np

from ensemble.selection.pool import Pool, Weights

CONCENTRATIONS = (0.0, 8.0, 20.0, 50.0)
"""How close to the mean weights are drawn, draw by draw: 0 is anywhere on the simplex."""

DRAWS, BEST = 60, 6
EQUAL = 0.2
"""The share of equal weights in what is found."""


def simplex(pool: Pool) -> Weights:
    """Search a weight for each candidate: float64 [candidates] with the sum 1."""
    candidates = len(pool.probabilities)
    equal = np.full(candidates, 1 / candidates)
    rng, mean = np.random.default_rng(0), equal
    for concentration in CONCENTRATIONS:
        spread = concentration * mean + (0.05 if concentration else 0.5)
        drawn = np.concatenate([mean[None], rng.dirichlet(spread, DRAWS)])
        scores = pool.f1(np.stack([_voted(pool, weights) for weights in drawn]))
        mean = drawn[np.argsort(-scores, kind="stable")[:BEST]].mean(axis=0)
    return np.asarray((1 - EQUAL) * mean + EQUAL * equal)


def _voted(pool: Pool, weights: Weights) -> np.ndarray:
    return np.asarray(np.tensordot(weights.astype(np.float32), pool.probabilities, axes=1).argmax(axis=1))
