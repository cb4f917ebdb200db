"""The winners of two searches, compared on the val photos of one store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from common.errors import SearchError
from common.search_folder import SEARCH, VAL_PREDICTIONS, ValPredictions, read_val_predictions
from data_prep.node_copy import open_store
from data_prep.store.store import Store
from trainable.recipe.intervals import Score, paired_difference
from tuning.plan.resources import unit
from tuning.records.look import Look


@dataclass(frozen=True)
class Winner:
    """The best trial of a search.

    Attributes:
        trials: how many the search had.
    """

    search: str
    trial: str
    trials: int
    cost: str
    store: Store
    on_val: ValPredictions


def of(folder: Path) -> Winner:
    """Find the best trial of the search in a folder.

    Raises:
        SearchError: no search is there, none of its trials has a score, or what it predicted is gone or damaged.
        StoreError: its store is not where it was.
    """
    seen = Look.at(folder)
    scored = [row for row in seen.rows if row.val_f1_best is not None and row.status != "failed"]
    if not scored:
        raise SearchError(f"{folder}: no trial has a score yet; let the search run longer")
    best = max(scored, key=lambda row: row.val_f1_best or 0.0)
    try:
        store, file = open_store(*seen.record.named_store), folder / best.trial / VAL_PREDICTIONS
    except ValueError as error:
        raise SearchError(f"{folder / SEARCH}: {error}") from None
    try:
        on_val = read_val_predictions(file, store.task.classes)
    except ValueError as error:
        raise SearchError(
            f"{file} cannot be read ({error}); confirm the search, which trains its best trials again"
        ) from None
    if on_val.store_hash != store.hash:
        raise SearchError(f"{file} was made on another store than {store.path}; remove the trial's folder")
    resources = seen.record.plan.get("resources")
    gpus = resources.get("gpus") if isinstance(resources, dict) else 0
    cost = f"{seen.record.spent.get('gpu_hours', 0.0):.2f} {unit(gpus or 0)}"
    return Winner(folder.name, best.trial, len(seen.rows), cost, store, on_val)


def compared(first: Winner, second: Winner) -> str:
    """Say what each scores, and by how much the second is above the first.

    Raises:
        SearchError: they are of different stores, or were judged on different photos.
    """
    if first.store.hash != second.store.hash:
        raise SearchError(
            f"{first.search} and {second.search} were run on different stores: their scores do not compare"
        )
    if list(first.on_val.rows) != list(second.on_val.rows):
        raise SearchError(
            f"{first.search} and {second.search} were judged on different photos: compare their confirmations"
        )
    rows = first.on_val.rows
    truth, person, task = first.store.classes()[rows], first.store.person[rows], first.store.task
    guesses = [each.on_val.probabilities.argmax(axis=1) for each in (first, second)]
    lines = [
        f"{each.search}/{each.trial}: {Score.of(truth, guess, person, task)}  (best of {each.trials}, {each.cost})"
        for each, guess in zip((first, second), guesses, strict=True)
    ]
    gain = paired_difference(truth, guesses[0], guesses[1], person, task)
    return "\n".join([*lines, f"{second.search} above {first.search}, on the same val people: {gain}"])
