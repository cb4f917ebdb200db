"""What networks predict for people whom they did not train on, from the val_predictions.npz of a search's trials.

Where the search was confirmed on folds, its networks together judge every train and val person out of fold. Otherwise
the search's own trials judge its val people. (A trial's best epoch was chosen on the photos that it judges, which
favours their labels a little.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common import search_state
from common.errors import SearchError
from common.search_folder import SEARCH, VAL_PREDICTIONS, ValPredictions, read_val_predictions
from common.search_record import SearchRecord, State
from data_prep import node_copy
from data_prep.labels import IntArray
from data_prep.store.store import Store
from data_prep.workers import passing

Probabilities = npt.NDArray[np.float64]

CONFIRMATION = re.compile(r"confirm(-\d+)?")
"""The folders in a search's own that `tune_main --confirm` makes: confirm, confirm-2, ..."""


@dataclass(frozen=True)
class Evidence:
    """What was predicted.

    Attributes:
        rows: int64 [n], ascending: the store's rows that a network judged without having trained on their person.
        probabilities: float64 [n, classes]: the softmax, its mean over the networks that judged the photo.
        scores: macro F1 of each network on the photos that it judged; NaN where its file has none.
        folds: of so many folds they are; 0: of the store's own train and val.
        missing: how many people of train and val with a labelled photo nobody judged.
        running: some of the networks may still be training, so that their predictions may still change.
    """

    rows: IntArray
    probabilities: Probabilities
    scores: tuple[float, ...]
    folds: int
    missing: int
    running: bool


def open_store(search: Path, moved: str | None = None) -> Store:
    """Open the store that the search in a folder was run on, which may have `moved` to another place.

    Raises:
        SearchError: no search is there. StoreError: its store is gone, damaged, or another one now.
    """
    try:
        path, content = _record(search).named_store
    except ValueError as error:
        raise SearchError(f"{search / SEARCH}: {error}") from None
    return node_copy.open_again(path, content, moved)


def gather(search: Path, store: Store) -> Evidence:
    """Gather the predictions in `search`: those of its confirmations on folds, or else those of its own trials.

    Raises:
        SearchError: there are none; or some are damaged, of another store, or of photos that are not held out.
    """
    confirmations = sorted(each for each in search.iterdir() if CONFIRMATION.fullmatch(each.name))
    folders = [search, *filter(search_state.holds_search, confirmations)]
    on_folds = [folder for folder in folders if _folds(folder) and any(_files(folder))]
    return _mean(on_folds or [search], store)


def _mean(folders: list[Path], store: Store) -> Evidence:
    total, count = np.zeros((len(store), store.task.classes)), np.zeros(len(store), np.int64)
    runs = [run for folder in folders for run in _runs(folder, store)]
    for run in runs:
        total[run.rows] += run.probabilities
        count[run.rows] += 1
    if not runs:
        raise SearchError(f"{folders[0]} has no trial that finished an epoch, so nothing was predicted; let it run on")
    rows = np.flatnonzero(count)
    people = store.person[np.concatenate([store.labelled("train"), store.labelled("val")])]
    return Evidence(
        rows=rows,
        probabilities=total[rows] / count[rows, None],
        scores=tuple(run.val_f1 for run in runs),
        folds=max(_folds(folder) for folder in folders),
        missing=len(set(people) - set(store.person[rows])),
        running=any(_record(folder).state == State.RUNNING for folder in folders),
    )


def _runs(folder: Path, store: Store) -> Iterator[ValPredictions]:
    """Read what each network of one search predicts; the store says whom it was not to train on, not its file."""
    folds = _folds(folder)
    held_out = [view.labelled("val") for view in _views(store, folds)]
    for file in passing(_files(folder), "reading predictions"):
        try:
            saved = read_val_predictions(file, store.task.classes)
        except ValueError as error:
            raise SearchError(f"{file} is damaged ({error}); remove the trial's folder and go on without it") from None
        if saved.store_hash != store.hash:
            raise SearchError(f"{file} was made on another store than {store.path}; name a search of one store")
        if not any(np.array_equal(saved.rows, rows) for rows in held_out):
            what = f"one of the {folds} folds" if folds else "the store's val"
            raise SearchError(f"{file} is not of {what}, so it may be of photos trained on; remove the trial's folder")
        yield saved


def _views(store: Store, folds: int) -> list[Store]:
    return [store.with_folds(folds, fold) for fold in passing(range(folds), "drawing the folds")] or [store]


def _files(folder: Path) -> list[Path]:
    files = (trial / VAL_PREDICTIONS for trial in search_state.trial_folders(folder))
    return [file for file in files if file.exists()]


def _folds(folder: Path) -> int:
    """Say into how many folds the trials of a search split train and val anew; 0 for none."""
    settings = _record(folder).plan.get("settings")
    folds = settings.get("train/folds", 0) if isinstance(settings, dict) else 0
    return folds if isinstance(folds, int) and folds >= 2 else 0


def _record(search: Path) -> SearchRecord:
    file = search / SEARCH
    try:
        return SearchRecord.read(search)
    except (FileNotFoundError, NotADirectoryError):
        raise SearchError(f"--search {search}: no search is there (no {SEARCH}); name a folder under runs/") from None
    except (OSError, ValueError) as error:
        raise SearchError(f"{file} cannot be read ({error}); name another search") from None
