"""What was taken for what: pure functions of the truth and the guess."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from data_prep.labels import IntArray


def confusion(truth: IntArray, guess: IntArray, classes: int) -> IntArray:
    """Count the photos of each class (rows) that were taken for each class (columns): int64 [classes, classes]."""
    return np.bincount(truth * classes + guess, minlength=classes * classes).reshape(classes, classes)


def surest_mistakes(
    truth: IntArray, guess: IntArray, confidence: npt.NDArray[np.floating[Any]], person: npt.NDArray[Any], most: int
) -> IntArray:
    """Find the surest wrong guess on each person, the surest first, at most so many: positions among the photos."""
    wrong = np.flatnonzero(truth != guess)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    _, first = np.unique(person[wrong].astype(str), return_index=True)
    return wrong[np.sort(first)][:most]
