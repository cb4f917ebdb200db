"""Ways to put an interval of 95% around a macro F1: the one in use, and those that it was compared with."""

from __future__ import annotations

from collections.abc import Callable
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from data_prep.task import Task
from trainable.recipe.bootstrap import bootstrap_macro_f1
from trainable.recipe.cells import Cells, of_people
from trainable.recipe.intervals import LEVEL, interval
from trainable.recipe.metrics import Counts, Ints, f1_of, macro_f1

Method = Callable[[Ints, Ints, Ints, Task], tuple[float, float]]
RESAMPLES = 500
ENDS = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)


def pooled(truth: Ints, guess: Ints, person: Ints, task: Task) -> tuple[float, float]:
    """The one in use (trainable.recipe.bootstrap)."""
    scores = bootstrap_macro_f1(truth, guess[None], person, task, RESAMPLES)[:, 0]
    return interval(scores, macro_f1(truth, guess))


def stratified(truth: Ints, guess: Ints, person: Ints, task: Task) -> tuple[float, float]:
    """Draw people among those with the same classes, so that no class is lost; percentiles."""
    counts = _counts(truth, guess, person, task)
    _, group = np.unique(counts[:, 1] > 0, axis=0, return_inverse=True)
    drawn, rng = np.empty((RESAMPLES, len(counts))), np.random.default_rng(0)
    for each in range(group.max() + 1):
        who = np.flatnonzero(group == each)
        drawn[:, who] = rng.multinomial(len(who), np.full(len(who), 1 / len(who)), size=RESAMPLES)
    return _percentiles(_scores(drawn, counts))


def plain(truth: Ints, guess: Ints, person: Ints, task: Task) -> tuple[float, float]:
    """Draw from all people; percentiles."""
    counts = _counts(truth, guess, person, task)
    return _percentiles(_scores(_draw(len(counts)), counts))


def bca(truth: Ints, guess: Ints, person: Ints, task: Task) -> tuple[float, float]:
    """Correct the percentiles of `plain` for bias and skew (Efron 1987), by leaving out a person each."""
    counts, normal = _counts(truth, guess, person, task), NormalDist()
    scores, found = _scores(_draw(len(counts)), counts), macro_f1(truth, guess)
    below = ((scores < found).sum() + (scores == found).sum() / 2 + 0.5) / (RESAMPLES + 1)
    bias = normal.inv_cdf(float(np.clip(below, 1e-3, 1 - 1e-3)))
    left = _scores(1 - np.eye(len(counts)), counts)
    off = left.mean() - left
    skew = float((off**3).sum() / max(6 * (off**2).sum() ** 1.5, 1e-12))
    moved = [bias + normal.inv_cdf(end) for end in ENDS]
    low, high = np.quantile(scores, [normal.cdf(bias + z / (1 - skew * z)) for z in moved])
    return float(low), float(high)


def two_added(truth: Ints, guess: Ints, person: Ints, task: Task) -> tuple[float, float]:
    """Weigh people at random (Rubin 1981), with two more in each cell, one right and one a band off."""
    counts = _counts(truth, guess, person, task)
    cells = Cells.of(task, of_people(task, truth, np.unique(person, return_inverse=True)[1]))
    added, rows = [], np.arange(len(truth)) % len(counts) == 0
    for cell in range(cells.n):
        there = cells.truth[truth[rows], cell]
        for said in (there, cells.one_off[0, there]):
            one = _counts(there, said, np.zeros(len(there)), task)
            added.append(one * counts[:, 1].sum() / len(counts) / len(there))
    everybody = np.concatenate([counts, *added])
    weights = np.random.default_rng(0).standard_exponential((RESAMPLES, len(everybody)))
    return _percentiles(_scores(weights, everybody))


def smoothed_rows(truth: Ints, guess: Ints, person: Ints, task: Task) -> tuple[float, float]:
    """Draw the rows of the confusion matrix, photos one by one, each from a Dirichlet with 1/classes added a cell."""
    n = task.classes
    confusion = np.bincount(truth * n + guess, minlength=n * n).reshape(n, n)
    rows = np.random.default_rng(0).standard_gamma(confusion + 1 / n, size=(RESAMPLES, n, n))
    rows *= (confusion.sum(axis=1) / rows.sum(axis=2))[..., None]
    hits = np.diagonal(rows, axis1=1, axis2=2)
    return _percentiles(np.nanmean(f1_of(hits, rows.sum(axis=2), rows.sum(axis=1)), axis=1))


METHODS: dict[str, Method] = {
    "pooled (in use)": pooled,
    "stratified (before)": stratified,
    "plain": plain,
    "BCa": bca,
    "two added": two_added,
    "smoothed rows": smoothed_rows,
}


def _counts(truth: Ints, guess: Ints, person: npt.NDArray, task: Task) -> Counts:
    """Count each person's hits, photos and predictions: [people, 3, classes]."""
    _, owner = np.unique(person, return_inverse=True)
    counts = np.zeros((owner.max() + 1, 3, task.classes))
    np.add.at(counts, (owner, 0, truth), truth == guess)
    np.add.at(counts, (owner, 1, truth), 1)
    np.add.at(counts, (owner, 2, guess), 1)
    return counts


def _draw(people: int) -> Counts:
    return np.random.default_rng(0).multinomial(people, np.full(people, 1 / people), size=RESAMPLES).astype(float)


def _scores(drawn: Counts, counts: Counts) -> Counts:
    """Score resamples, [resamples, people] -> [resamples]."""
    hits, actual, predicted = (drawn @ counts[:, part] for part in range(3))
    return np.asarray(np.nanmean(f1_of(hits, actual, predicted), axis=1))


def _percentiles(scores: Counts) -> tuple[float, float]:
    low, high = np.quantile(scores, ENDS)
    return float(low), float(high)
