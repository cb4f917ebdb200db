"""Which trials make the ensemble: greedy forward selection on val (Caruana et al. 2004), no model is run.

Every trial keeps its softmax over val at its best epoch (val_predictions.npz), so a vote can be tried in milliseconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import search_state
from common.errors import EnsembleError
from common.search_folder import BEST_WEIGHTS, VAL_PREDICTIONS, read_val_predictions
from data_prep.store.store import Store
from ensemble.voting.vote import soft_vote
from trainable.predict import Probabilities
from trainable.recipe.metrics import macro_f1

FLOOR = 0.8
"""A member's least share of the best trial's val F1. Val has few people: a trial far below the best can only help a
vote there by luck."""


@dataclass(frozen=True)
class Candidate:
    """It is a trial that has left predictions.

    Attributes:
        folder: the trial's folder.
        val_f1: macro F1 on val of its best epoch.
        probabilities: float32 [n_val, classes], rows in the store's order of val.
    """

    folder: Path
    val_f1: float
    probabilities: Probabilities

    @property
    def name(self) -> str:
        return self.folder.name


def candidates(search: Path, store: Store) -> list[Candidate]:
    """Find every trial of the search that has its weights still (a search keeps those of its best trials) and
    predictions for this store's val photos, best first.

    Raises:
        EnsembleError: there is none, or predictions are of another store.
    """
    files = [trial / VAL_PREDICTIONS for trial in search_state.trial_folders(search)]
    found = [_read(file, store) for file in files if file.exists() and file.with_name(BEST_WEIGHTS).exists()]
    if not found:
        raise EnsembleError(
            f"{search} has no trial that finished an epoch, so there is nothing to vote; let the search run longer"
        )
    return sorted(found, key=lambda candidate: -candidate.val_f1)


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


def _read(file: Path, store: Store) -> Candidate:
    try:
        saved = read_val_predictions(file, store.task.classes)
        if math.isnan(saved.val_f1):
            raise ValueError("it has no val_f1")
    except ValueError as error:
        raise EnsembleError(f"{file} is damaged ({error}); remove the trial's folder and go on without it") from None
    if saved.store_hash != store.hash or not np.array_equal(saved.rows, store.labelled("val")):
        raise EnsembleError(f"{file} was made on another store than {store.path}; name the search's own store")
    return Candidate(file.parent, saved.val_f1, saved.probabilities)
