"""The score: macro F1, and how far chance in the choice of people could have moved it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.float64]


def macro_f1(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> float:
    """Mean F1 over the classes that occur in `truth` (both int [n], classes from 0).

    Raises:
        ValueError: no labels, or arrays of different lengths.
    """
    actual, guess = _checked(truth, predicted)
    n = int(max(actual.max(), guess.max())) + 1
    hits = np.bincount(actual[actual == guess], minlength=n)
    return float(_mean_f1(hits, np.bincount(actual, minlength=n), np.bincount(guess, minlength=n)))


def macro_f1_interval(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    person: npt.ArrayLike,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of macro F1 that draws people, not photos: one person's photos err together.

    People are drawn among those with the same classes, so that no class drops out of the mean when its few people
    are not drawn: the mean would then be of easier classes, and the interval too high. A class that rests on one
    person therefore adds no width: read the interval as a lower bound of the uncertainty.

    Args:
        person: [n], anything that sorts; the photos with one value are drawn together.
        level: share of resamples between the two ends, in 0..1.
    """
    actual, guess = _checked(truth, predicted)
    people, owner = np.unique(np.asarray(person), return_inverse=True)
    n = int(max(actual.max(), guess.max())) + 1

    def by_person(classes: npt.NDArray[np.int64], keep: npt.NDArray[np.bool_]) -> Counts:
        table = np.zeros((len(people), n))
        np.add.at(table, (owner[keep], classes[keep]), 1)
        return table

    every = np.ones(len(actual), dtype=bool)
    tables = by_person(actual, actual == guess), by_person(actual, every), by_person(guess, every)
    rng = np.random.default_rng(seed)
    drawn = np.empty((resamples, len(people)))
    for group in _alike(tables[1]):
        drawn[:, group] = rng.multinomial(len(group), np.full(len(group), 1 / len(group)), size=resamples)
    scores = _mean_f1(*(drawn @ table for table in tables))
    low, high = np.quantile(scores, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _alike(actual: Counts) -> list[npt.NDArray[np.int64]]:
    """Counts [people, classes] -> positions of the people who have photos in the same classes, a group at a time."""
    _, group_of = np.unique(actual > 0, axis=0, return_inverse=True)
    return [np.flatnonzero(group_of == group) for group in range(group_of.max() + 1)]


def _mean_f1(hits: npt.ArrayLike, actual: npt.ArrayLike, predicted: npt.ArrayLike) -> Counts:
    """Counts [..., classes] -> mean over the classes with an actual one of 2 hits / (actual + predicted)."""
    both = np.asarray(actual) + np.asarray(predicted)
    present = np.asarray(actual) > 0
    f1 = np.where(present, 2 * np.asarray(hits) / np.maximum(both, 1), 0.0)
    return np.asarray(f1.sum(axis=-1) / present.sum(axis=-1))


def _checked(truth: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    actual, guess = np.asarray(truth, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    if len(actual) == 0 or actual.shape != guess.shape:
        raise ValueError(f"truth and predicted: one length >= 1 must hold, but got {actual.shape} and {guess.shape}")
    return actual, guess
