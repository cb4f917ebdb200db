"""What a confirmation trained may vote as well: models of other seeds, and those of folds together as one candidate.

A model of another seed is judged on val, as a trial is. Models of folds have trained on val's people too, each on all
but its own fold's: what is said here of a photo of val comes from the one that has not seen its person. They vote
together, by their mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from common import search_state
from common.errors import EnsembleError
from common.search_folder import BEST_WEIGHTS, VAL_PREDICTIONS, ValPredictions, read_val_predictions
from common.search_record import FOLD, SearchRecord
from common.wording import things
from data_prep.labels import IntArray
from data_prep.store.store import Store
from ensemble.selection.candidates import Candidate
from trainable.recipe.metrics import macro_f1

Run = tuple[Path, Mapping[str, Any]]
"""A trial of a confirmation: its folder and its settings."""


def confirmed(search: Path, store: Store, prefix: str = "") -> tuple[list[Candidate], list[str]]:
    """Find what the confirmations of a search trained to the end.

    Args:
        prefix: of the candidates' names, before "confirm/trial-001".

    Returns:
        the candidates, and a line for each that is left out since it is not whole.

    Raises:
        EnsembleError: predictions are damaged, or of another store.
    """
    found: list[Candidate] = []
    notes: list[str] = []
    for folder in search_state.own_searches(search):
        for each in _of_confirmation(folder, store, prefix):
            if isinstance(each, Candidate):
                found.append(each)
            else:
                notes.append(each)
    return found, notes


def _of_confirmation(folder: Path, store: Store, prefix: str) -> Iterator[Candidate | str]:
    try:
        about = SearchRecord.read(folder).confirms
        kept = search_state.trials_of(folder)
    except (OSError, ValueError) as error:
        yield f"{folder}: its models do not vote, since its record cannot be read ({error})"
        return
    if about is None or kept is None:
        yield f"{folder}: its models do not vote, since it is of a version before, or has not begun"
        return
    trials = [(folder / str(each["trial"]), each["settings"], each["status"]) for each in kept["trials"]]
    ended = [(trial, settings) for trial, settings, status in trials if status == "finished" and _is_whole(trial)]
    name = f"{prefix}{folder.name}"
    if about["key"] == FOLD:
        rows = [fold_rows(store, len(about["runs"]), fold) for fold in about["runs"]]
        yield from (_of_folds(f"{name}/{each['name']}", each, ended, rows, store) for each in about["candidates"])
        return
    yield from (_of_seed(f"{name}/{trial.name}", trial, store) for trial, _ in ended)
    if (missing := len(about["candidates"]) * len(about["runs"]) - len(ended)) > 0:
        yield f"{name}: {missing} of its models {things(missing, 'does', 'do')} not vote: not ended, or without a file"


def _is_whole(trial: Path) -> bool:
    return (trial / VAL_PREDICTIONS).exists() and (trial / BEST_WEIGHTS).exists()


def _of_seed(name: str, trial: Path, store: Store) -> Candidate:
    saved = _read(trial, store)
    if not np.array_equal(saved.rows, store.labelled("val")):
        raise _of_another(trial, store)
    return Candidate(name, (trial,), saved.val_f1, saved.probabilities)


def fold_rows(store: Store, folds: int, fold: int) -> IntArray:
    """Find the photos that the model of a fold is judged on: it has not seen their people."""
    return store.with_folds(folds, fold).labelled("val")


def _of_folds(
    name: str, candidate: Mapping[str, Any], ended: Sequence[Run], folds: Sequence[IntArray], store: Store
) -> Candidate | str:
    """Join what each fold's model says of the photos of val that it has not seen.

    Args:
        folds: `fold_rows` of each.
    """
    known = range(len(folds))
    own = {
        settings[FOLD]: trial
        for trial, settings in ended
        if settings.get(FOLD) in known and _without_fold(settings) == candidate["settings"]
    }
    if len(own) < len(folds):
        ended_yet = f"{len(own)} of its {len(folds)} folds {things(len(own), 'has', 'have')} ended"
        return f"{name}: {ended_yet}, so that it does not vote yet"
    val, trials = store.labelled("val"), tuple(own[fold] for fold in sorted(own))
    joined = np.zeros((len(val), store.task.classes), dtype=np.float32)
    for trial, rows in zip(trials, folds, strict=True):
        saved, unseen = _read(trial, store), np.isin(val, rows)
        if not np.array_equal(saved.rows, rows):
            raise _of_another(trial, store)
        joined[unseen] = saved.probabilities[np.searchsorted(rows, val[unseen])]
    return Candidate(name, trials, macro_f1(store.classes()[val], joined.argmax(axis=1)), joined)


def _without_fold(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key != FOLD}


def _read(trial: Path, store: Store) -> ValPredictions:
    file = trial / VAL_PREDICTIONS
    try:
        saved = read_val_predictions(file, store.task.classes)
    except ValueError as error:
        raise EnsembleError(f"{file} is damaged ({error}); remove the trial's folder and go on without it") from None
    if saved.store_hash != store.hash:
        raise _of_another(trial, store)
    return saved


def _of_another(trial: Path, store: Store) -> EnsembleError:
    return EnsembleError(
        f"{trial / VAL_PREDICTIONS} was made on another store than {store.path}, or on other photos of it; remove the "
        "trial's folder and go on without it"
    )
