"""Which trials make the ensemble: greedy forward selection on val (Caruana et al. 2004), no model is run.

Every trial keeps its softmax over val at its best epoch (val_predictions.npz), so a vote can be tried in milliseconds.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ensemble.selection.candidates import Candidate
from ensemble.voting.vote import soft_vote
from trainable.recipe.metrics import macro_f1

FLOOR = 0.8
"""A member's least share of the best trial's val F1. Val has few people: a trial far below the best can only help a
vote there by luck."""


def choose(candidates: list[Candidate], truth: npt.NDArray[np.int64], members: int) -> list[Candidate]:
    """Choose up to `members` candidates whose soft vote scores best on val, none far below the best (FLOOR).

    Starting with the best single trial, add the one that helps the vote most, `members` times; then keep the
    longest beginning with the highest score. So the vote is never below its best member on val.
    """
    floor = FLOOR * max(candidate.val_f1 for candidate in candidates)
    able = [candidate for candidate in candidates if candidate.val_f1 >= floor]
    rest = sorted(able, key=lambda candidate: -candidate.val_f1)
    chosen: list[Candidate] = []
    scores: list[float] = []
    while rest and len(chosen) < members:
        best = max(rest, key=lambda candidate: vote_f1([*chosen, candidate], truth))
        rest.remove(best)
        chosen.append(best)
        scores.append(vote_f1(chosen, truth))
    length = max(range(len(scores)), key=lambda i: (scores[i], i)) + 1
    return chosen[:length]


def vote_f1(members: list[Candidate], truth: npt.NDArray[np.int64]) -> float:
    """Score the members' soft vote by macro F1 on val."""
    return macro_f1(truth, soft_vote([member.probabilities for member in members]).argmax(axis=1))
