"""F1 of each class with its interval: how far chance in who the people are could have moved it.

The resamples are those of every score in this repository (`trainable.recipe.bootstrap`), class by class.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from data_prep.labels import IntArray
from data_prep.task import Task
from ensemble.report.measures import Floats, confusion
from trainable.recipe.bootstrap import bootstrap_f1
from trainable.recipe.intervals import LEVEL
from trainable.recipe.metrics import f1_of


class Intervals(NamedTuple):
    """Figures, each with the two ends of its 95% interval: float64 [k] each, NaN where nothing can be said."""

    value: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, value: Floats, resampled: Floats) -> Intervals:
        """Take percentiles of resamples, [resamples, k], widened where need be to hold the value itself."""
        low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        return cls(value, np.minimum(low, value), np.maximum(high, value))

    def from_second(self) -> Intervals:
        """Leave out the first: the mean over the classes."""
        return Intervals(self.value[1:], self.low[1:], self.high[1:])


@dataclass(frozen=True)
class F1s:
    """It is the F1 of some predictors in every class, and first in the mean over the classes.

    Attributes:
        found: float64 [predictors, 1 + classes]; NaN for a class that no photo has.
        drawn: float64 [resamples, predictors, 1 + classes]; predictors of one resample met the same people.
    """

    found: Floats
    drawn: Floats

    @classmethod
    def of(cls, truth: IntArray, guesses: Sequence[IntArray], person: npt.NDArray[Any], task: Task) -> F1s:
        """Judge predictors by classes of a task: truth int64 [n], guesses [n] each."""
        found = np.stack([_by_class(truth, guess, task.classes) for guess in guesses])
        return cls(_with_mean(found), _with_mean(bootstrap_f1(truth, np.stack(guesses), person, task)))

    def of_predictor(self, place: int) -> Intervals:
        """Give the predictor's mean and its classes."""
        return Intervals.of(self.found[place], self.drawn[:, place])

    def gain(self, better: int, worse: int) -> Intervals:
        """Subtract one predictor's from another's: a paired comparison."""
        return Intervals.of(self.found[better] - self.found[worse], self.drawn[:, better] - self.drawn[:, worse])


def _by_class(truth: IntArray, guess: IntArray, classes: int) -> Floats:
    counts = confusion(truth, guess, classes)
    return f1_of(np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0))


def _with_mean(f1: Floats) -> Floats:
    """Put the mean over the classes that are there before them."""
    return np.concatenate([np.nanmean(f1, axis=-1, keepdims=True), f1], axis=-1)
