"""What a report measures: pure functions of the truth, the guess and the probability that the guess was given."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data_prep.labels import MISSING, IntArray
from trainable.recipe.metrics import macro_f1

Floats = npt.NDArray[np.float64]


class Reliability(NamedTuple):
    """How sure a predictor was against how often it was right: one entry for each bin of confidence with photos."""

    confidence: Floats
    accuracy: Floats
    photos: IntArray

    def error(self) -> float:
        """Give the expected calibration error (Guo et al. 2017): the mean gap, each bin weighted by its photos."""
        return float(np.average(np.abs(self.confidence - self.accuracy), weights=self.photos))


def reliability(confidence: Floats, right: npt.NDArray[np.bool_], bins: int = 10) -> Reliability:
    """Average photos with about the same confidence, in bins of equal width between 0 and 1."""
    place = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    photos = np.bincount(place, minlength=bins)
    some = photos > 0
    sums = (np.bincount(place, weights=values, minlength=bins)[some] for values in (confidence, right))
    confidences, accuracies = (each / photos[some] for each in sums)
    return Reliability(confidences, accuracies, photos[some])


def f1_of_the_surest(truth: IntArray, guess: IntArray, confidence: Floats, shares: Floats) -> Floats:
    """Score the surest share of the photos, for each share: macro F1 over the classes that are among them."""
    surest_first = np.argsort(-confidence, kind="stable")
    counts = np.maximum(1, np.round(shares * len(truth)).astype(np.int64))
    return np.array([macro_f1(truth[surest_first[:count]], guess[surest_first[:count]]) for count in counts])


class Years(NamedTuple):
    """Macro F1 of the people of each age in years: over the classes that they have. Ascending, known ages only."""

    age: IntArray
    f1: Floats
    photos: IntArray
    people: IntArray


def by_year(truth: IntArray, guess: IntArray, person: npt.NDArray[Any], age: IntArray, around: int = 0) -> Years:
    """Score each year of age, together with the years up to `around` before and after it."""
    ages = np.unique(age[age != MISSING])
    near = [(age != MISSING) & (np.abs(age - year) <= around) for year in ages]
    f1 = [macro_f1(truth[rows], guess[rows]) for rows in near]
    people = [len(np.unique(person[rows])) for rows in near]
    return Years(ages, np.array(f1), np.array([rows.sum() for rows in near]), np.array(people))
