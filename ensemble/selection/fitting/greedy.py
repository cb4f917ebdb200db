"""Members and their weights by greedy forward selection with replacement, bagged (Caruana et al. 2004).

Every trial keeps its softmax over val at its best epoch (val_predictions.npz), so a vote can be tried in milliseconds.
"""

from __future__ import annotations

import numpy as np

from ensemble.selection.pool import IntArray, Pool, Weights
from trainable.predict import Probabilities

BAGS = 8
"""So many times people are drawn with replacement and members chosen on these: what helps with few of them only gets
little weight."""

ROUNDS = 10
"""So many members are added to a bag's vote, a candidate as often as it helps: weights are tenths, in each bag."""


def greedy(pool: Pool) -> Weights:
    """Weigh the candidates by how often they were added to a vote: float64 [candidates] with the sum 1."""
    people = int(pool.person.max()) + 1
    rank = np.argsort(np.argsort(-pool.single_f1(), kind="stable"), kind="stable")
    rng = np.random.default_rng(0)
    bags = [rng.multinomial(people, np.full(people, 1 / people))[pool.person] for _ in range(BAGS)]
    return np.mean([_added(pool, counts, rank) for counts in bags if counts.any()], axis=0)


def _added(pool: Pool, counts: IntArray, rank: IntArray) -> Weights:
    """Choose for photos that count so often: the shortest beginning of the additions that has the highest score.

    Of candidates that help equally, one that votes already is added, else the one that is best by itself.
    """
    added = np.zeros(len(pool.probabilities))
    votes: Probabilities = np.zeros_like(pool.probabilities[0])
    highest, kept = -1.0, added
    for _ in range(ROUNDS):
        scores = pool.f1((votes + pool.probabilities).argmax(axis=2), counts)
        pick = min(range(len(scores)), key=lambda i: (-round(float(scores[i]), 12), added[i] == 0, rank[i]))
        added[pick] += 1
        votes += pool.probabilities[pick]
        if scores[pick] > highest + 1e-12:
            highest, kept = float(scores[pick]), added.copy()
    return kept / kept.sum()
