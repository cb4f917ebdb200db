"""What files are called in a search's folder, and how a trial's predictions are read.

runs/<search>/search.json            the command, versions, store and budget
              leaderboard.csv        one line a trial, best first
              study.db               the Optuna study, for Optuna's own tools
              report.html            what was found, at what cost: for a browser
              state/                 what a search that was stopped or killed goes on from
              ensemble.json          the members of the vote and their scores
              ensemble.html          the same as a report for a browser, with charts and the worst mistakes
              suspects.csv, .html    labels that the predictions contradict
              confirm/               the best trials again, a search of its own, with confirmation.json
              refit/                 chosen trials again on train and val together, a search of its own
              soup/                  the mean of some trials' weights, with the files that a trial leaves, and soup.json
              <trial>/               result.json, params.json, TensorBoard events, checkpoints, and
              <trial>/best.safetensors, val_predictions.npz      of the trial's best epoch
              <trial>/trial.log      seed, device, versions, and what was chosen for the trial
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from common.security.archives import check_stored
from common.security.regular_file import TABLE, opened

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

SEARCH = "search.json"
STATE = "state"
LEADERBOARD = "leaderboard.csv"
STUDY = "study.db"
ENSEMBLE, ENSEMBLE_REPORT = "ensemble.json", "ensemble.html"
SEARCH_REPORT = "report.html"
CONFIRMATION = "confirmation.json"
CONFIRM, REFIT, SOUP = "confirm", "refit", "soup"
"""Searches of a search's own are kept in its folder under the first two names, and as confirm-2, ...; in soup/ is one
network as if it were a trial."""

BEST_WEIGHTS = "best.safetensors"
VAL_PREDICTIONS = "val_predictions.npz"
TRIAL_LOG = "trial.log"
TRIAL_ERROR = "error.txt"
PROGRESS = "progress.json"
"""In a checkpoint's folder: how far the trial was, as Ray counts."""

URI = "uri"
"""In what the trials of a search share: where it is kept, if that is no folder."""

SUSPECTS, SUSPECTS_SHEET = "suspects.csv", "suspects.html"


class ValPredictions(NamedTuple):
    """A trial's val_predictions.npz, as far as others need it.

    Attributes:
        store_hash: of the store that the rows are of.
        rows: int64 [n], n >= 1, ascending: the photos that the trial was validated on, and so did not train on.
        probabilities: float32 [n, classes], their softmax at the trial's best epoch.
        val_f1: macro F1 of that epoch; NaN where the file has none.
    """

    store_hash: str
    rows: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float32]
    val_f1: float


def read_val_predictions(file: Path, classes: int) -> ValPredictions:
    """Read what `best.export_best` wrote of a task of so many classes.

    Raises:
        ValueError: the file is missing, cut short, or holds something else; its message says what.
    """
    import numpy as np  # here, since programs that only need names start without it

    try:
        with opened(file, TABLE) as stream, np.errstate(all="ignore"):
            check_stored(zipfile.ZipFile(stream))
            stream.seek(0)
            saved = np.load(stream, allow_pickle=False)
            rows, probabilities = np.asarray(saved["rows"]), np.asarray(saved["probabilities"])  # bytes, if no array
            val_f1 = float(saved["val_f1"]) if "val_f1" in saved else math.nan
            read = ValPredictions(str(saved["store_hash"]), rows, probabilities, val_f1)
    except Exception as error:  # NumPy reads headers as Python, and believes a shape, however large
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None
    if rows.dtype.kind != "i" or rows.ndim != 1 or len(rows) == 0 or (np.diff(rows) <= 0).any():
        raise ValueError(f"ascending rows of the store are needed, but they are {rows.dtype} {rows.shape}")
    if probabilities.dtype.kind != "f" or probabilities.shape != (len(rows), classes):
        raise ValueError(
            f"probabilities [{len(rows)}, {classes}] are needed, but they are "
            f"{probabilities.dtype} {probabilities.shape}"
        )
    if not np.isfinite(probabilities).all():
        raise ValueError("not all probabilities are numbers")
    if not (math.isnan(read.val_f1) or 0 <= read.val_f1 <= 1):
        raise ValueError(f"val_f1: a number from 0 to 1 is needed, but it is {read.val_f1}")
    return read
