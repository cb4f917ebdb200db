"""Scores side by side as arrays, as charts draw them; `trainable.recipe.bootstrap` says how intervals are made."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from common.page.charts import Intervals
from data_prep.labels import IntArray
from data_prep.task import Task
from ensemble.report.measures import Floats
from trainable.recipe.bootstrap import bootstrap_f1
from trainable.recipe.intervals import interval
from trainable.recipe.metrics import f1_of
from trainable.recipe.mistakes import confusion


def gains(truth: IntArray, better: IntArray, worse: IntArray, person: npt.NDArray[Any], task: Task) -> Intervals:
    """Subtract the F1 of one predictor from another's in the mean over the classes, and then in each class: a paired
    comparison, since both have the same people in each resample."""
    found = _with_mean(_f1(truth, better, task) - _f1(truth, worse, task))
    drawn = bootstrap_f1(truth, np.stack([worse, better]), person, task)
    resampled = np.diff(_with_mean(drawn), axis=1)[:, 0]
    ends = [interval(each, float(value)) for each, value in zip(resampled.T, found, strict=True)]
    return Intervals(found, *np.array(ends).T)


def _f1(truth: IntArray, guess: IntArray, task: Task) -> Floats:
    counts = confusion(truth, guess, task.classes)
    return f1_of(np.diagonal(counts), counts.sum(axis=1), counts.sum(axis=0))


def _with_mean(f1: Floats) -> Floats:
    """Put the mean over the classes that are there before them."""
    return np.concatenate([np.nanmean(f1, axis=-1, keepdims=True), f1], axis=-1)
