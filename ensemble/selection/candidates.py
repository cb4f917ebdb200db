"""What may vote: trials of one or several searches, by the predictions that they left on val. No model is run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from common import search_state
from common.errors import EnsembleError
from common.search_folder import BEST_WEIGHTS, VAL_PREDICTIONS, read_val_predictions
from data_prep.store.store import Store
from trainable.predict import Probabilities


@dataclass(frozen=True)
class Candidate:
    """It is a trained model that may vote, or several whose probabilities are averaged.

    Attributes:
        name: of the trial, such as "trial-003"; "weekend/trial-003" where several searches are chosen from.
        folders: of its models, each with a best.safetensors. They share the candidate's weight evenly.
        val_f1: macro F1 of `probabilities`.
        probabilities: float32 [n_val, classes], rows in the store's order of val; no model of it saw these photos'
            people in training.
    """

    name: str
    folders: tuple[Path, ...]
    val_f1: float
    probabilities: Probabilities


def candidates(searches: Sequence[Path], store: Store) -> list[Candidate]:
    """Find every trial of the searches that has its weights still (a search keeps those of its best trials) and
    predictions for this store's val photos, best first.

    Raises:
        EnsembleError: there is none, or predictions are of another store.
    """
    found = [_of_trial(trial, store, searches) for search in searches for trial in search_state.trial_folders(search)]
    able = [candidate for candidate in found if candidate]
    if not able:
        raise EnsembleError(
            f"{' and '.join(map(str, searches))}: no trial has finished an epoch, so there is nothing to vote; let the "
            "search run longer"
        )
    return sorted(able, key=lambda candidate: -candidate.val_f1)


def _of_trial(trial: Path, store: Store, searches: Sequence[Path]) -> Candidate | None:
    file = trial / VAL_PREDICTIONS
    if not (file.exists() and (trial / BEST_WEIGHTS).exists()):
        return None
    try:
        saved = read_val_predictions(file, store.task.classes)
        if math.isnan(saved.val_f1):
            raise ValueError("it has no val_f1")
    except ValueError as error:
        raise EnsembleError(f"{file} is damaged ({error}); remove the trial's folder and go on without it") from None
    if saved.store_hash != store.hash or not np.array_equal(saved.rows, store.labelled("val")):
        raise EnsembleError(f"{file} was made on another store than {store.path}; name the search's own store")
    name = trial.name if len(searches) == 1 else f"{trial.parent.name}/{trial.name}"
    return Candidate(name, (trial,), saved.val_f1, saved.probabilities)
