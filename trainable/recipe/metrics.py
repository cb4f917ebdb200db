"""The score: macro F1. How sure it is says `trainable.recipe.intervals`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Counts = npt.NDArray[np.float64]


def macro_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Average F1 over the classes that occur in `truth` (both int [n], classes from 0).

    Raises:
        ValueError: no labels, a class below 0, or arrays of different lengths.
    """
    actual, guess = checked(truth, predicted)
    n = int(max(actual.max(), guess.max())) + 1
    hits = np.bincount(actual[actual == guess], minlength=n)
    return float(np.nanmean(f1_of(hits, np.bincount(actual, minlength=n), np.bincount(guess, minlength=n))))


def f1_of(hits: npt.ArrayLike, actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Counts:
    """Counts [..., classes] -> 2 hits / (actual + predicted), NaN for classes without an actual one."""
    both = np.asarray(actual, dtype=np.float64) + np.asarray(predicted)
    present = np.asarray(actual) > 0
    return np.divide(2 * np.asarray(hits), both, out=np.full(both.shape, np.nan), where=present)


def checked(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[Ints, Ints]:
    """Make arrays of classes of them, int64 [n] each.

    Raises:
        ValueError: no labels, a class below 0, or arrays of different lengths.
    """
    actual, guess = np.asarray(truth, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if len(actual) == 0 or actual.shape != guess.shape:
        raise ValueError(f"truth and predicted: one length >= 1 must hold, but got {actual.shape} and {guess.shape}")
    if min(actual.min(), guess.min()) < 0:
        raise ValueError("truth and predicted: classes >= 0 must hold; leave photos without a label out")
    return actual, guess
