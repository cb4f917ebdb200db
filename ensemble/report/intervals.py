"""F1 of each class, and how far chance in who the people are could have moved it."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data_prep.labels import IntArray
from ensemble.report.measures import Floats
from trainable.recipe.metrics import bootstrap_macro_f1, macro_f1

LEVEL = 0.95
RESAMPLES = 1000


class Intervals(NamedTuple):
    """Figures, each with the two ends of its 95% interval: float64 [k] each, NaN where nothing can be said."""

    value: Floats
    low: Floats
    high: Floats


class Interval(NamedTuple):
    """A figure with the two ends of its 95% interval."""

    value: float
    low: float
    high: float

    def signed(self) -> str:
        """Write a difference: "+0.012, -0.010 to +0.034"."""
        return f"{self.value:+.3f}, {self.low:+.3f} to {self.high:+.3f}"


def macro(truth: IntArray, guess: IntArray, person: npt.NDArray[Any]) -> Interval:
    """Score one predictor by macro F1."""
    scores = bootstrap_macro_f1(truth, guess[None], person)[:, 0]
    return _interval(macro_f1(truth, guess), scores)


def macro_gain(truth: IntArray, better: IntArray, worse: IntArray, person: npt.NDArray[Any]) -> Interval:
    """Subtract two predictors' macro F1, paired."""
    scores = bootstrap_macro_f1(truth, np.stack([better, worse]), person)
    return _interval(macro_f1(truth, better) - macro_f1(truth, worse), scores[:, 0] - scores[:, 1])


def f1_by_class(truth: IntArray, guess: IntArray, person: npt.NDArray[Any], classes: int) -> Intervals:
    """Score each class by itself; NaN for one that no photo has."""
    drawn = _weights(person)
    return _ends(
        _f1(truth, guess, person, classes, np.ones_like(drawn[:1]))[0], _f1(truth, guess, person, classes, drawn)
    )


def gain_by_class(
    truth: IntArray, better: IntArray, worse: IntArray, person: npt.NDArray[Any], classes: int
) -> Intervals:
    """Subtract two predictors' F1 of each class, on the same people in each resample: a paired comparison."""
    drawn = _weights(person)
    once = np.ones_like(drawn[:1])
    gain = [
        _f1(truth, better, person, classes, weights) - _f1(truth, worse, person, classes, weights)
        for weights in (once, drawn)
    ]
    return _ends(gain[0][0], gain[1])


def _weights(person: npt.NDArray[Any], seed: int = 0) -> Floats:
    """Weigh the people anew for each resample, float64 [resamples, people]: the Bayesian bootstrap (Rubin 1981)."""
    people = len(np.unique(person.astype(str)))
    return np.random.default_rng(seed).exponential(size=(RESAMPLES, people))


def _f1(truth: IntArray, guess: IntArray, person: npt.NDArray[Any], classes: int, weights: Floats) -> Floats:
    """Score each class for each row of weights: float64 [rows, classes], NaN for a class that no photo has."""
    _, owner = np.unique(person.astype(str), return_inverse=True)
    people = weights.shape[1]

    def weighed(values: IntArray, owners: IntArray) -> Floats:
        counts = np.bincount(owners * classes + values, minlength=people * classes)
        return np.asarray(weights @ counts.reshape(people, classes))

    right = truth == guess
    both = weighed(truth, owner) + weighed(guess, owner)
    present = np.isin(np.arange(classes), truth)
    return np.where(present, 2 * weighed(truth[right], owner[right]) / np.where(both > 0, both, 1), np.nan)


def _ends(value: Floats, resampled: Floats) -> Intervals:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Intervals(value, low, high)


def _interval(value: float, resampled: Floats) -> Interval:
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, float(low), float(high))
