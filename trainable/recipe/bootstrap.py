"""How far chance in the choice of people could have moved a score.

A Bayesian bootstrap (Rubin 1981): each resample weighs every person anew. People are weighed, not photos, since one
person's photos err together. That alone knows nothing of classes with one or no person, and takes a model that made no
error on few people for one that makes none. So each resample has one more person in every cell of people (gender x age
band, of the reference task): somebody drawn from all people, carried over to the cell with their errors, so that a cell
with few people of its own is judged by everybody's. One of these in each resample, on average, is invented, and right
or wrong by the toss of a coin, as Agresti and Coull (1998) add successes and failures. `python -m benchmarks.intervals`
measures how often intervals made so hold the truth, and those of other methods.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_prep.task import Task
from trainable.recipe.cells import Cells, of_people
from trainable.recipe.metrics import Counts, Ints, checked, f1_of

MOST_AT_ONCE = 2**22
"""Numbers that are held at once, so that memory does not grow with the people."""


def bootstrap_macro_f1(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    person: npt.ArrayLike,
    task: Task,
    resamples: int = 1000,
    seed: int = 0,
) -> Counts:
    """Score several models by macro F1 on the same resamples of the people: float64 [resamples, models].

    `bootstrap_f1` says what the arguments are.
    """
    return np.asarray(np.nanmean(bootstrap_f1(truth, predicted, person, task, resamples, seed), axis=2))


def bootstrap_f1(
    truth: npt.ArrayLike,
    predicted: npt.ArrayLike,
    person: npt.ArrayLike,
    task: Task,
    resamples: int = 1000,
    seed: int = 0,
) -> Counts:
    """Find the F1 of each class and model on the same resamples of the people: float64 [resamples, models, classes].

    The models of one resample met the same people, so that a comparison of two is a paired one. A class that `truth`
    lacks has a score all the same, by the errors of others; NaN where a resample has none of it.

    Args:
        truth: int [n], classes of the task.
        predicted: int [models, n].
        person: [n], anything that sorts; equal where two photos show one person.

    Raises:
        ValueError: no labels, no models, classes that the task has not, or arrays of different lengths.
    """
    judged = _Judged.of(truth, predicted, person, task)
    return np.concatenate([f1_of(*counts) for counts in judged.resampled(resamples, seed)])


@dataclass(frozen=True)
class _Judged:
    """They are the people on whom models are judged.

    Attributes:
        truth, guesses: int [n], and one a model; a person's photos lie side by side.
        owner: int [n], the person of each photo, ascending.
        first, count: int [people]: where their photos begin, and how many they are.
    """

    classes: int
    cells: Cells
    truth: Ints
    guesses: list[Ints]
    owner: Ints
    first: Ints
    count: Ints

    @classmethod
    def of(cls, truth: npt.ArrayLike, predicted: npt.ArrayLike, person: npt.ArrayLike, task: Task) -> _Judged:
        pairs = [checked(truth, guess) for guess in np.asarray(predicted)]
        _, owner, count = np.unique(np.asarray(person), return_inverse=True, return_counts=True)
        if not pairs or owner.shape != pairs[0][0].shape:
            raise ValueError(
                f"predicted [models >= 1, n] and person [n] must hold, but got {len(pairs)}, {owner.shape}"
            )
        actual, highest = pairs[0][0], max(int(each.max()) for pair in pairs for each in pair)
        if highest >= task.classes:
            raise ValueError(f"truth and predicted: classes below {task.classes} must hold, but got {highest}")
        order = np.argsort(owner, kind="stable")
        return cls(
            classes=task.classes,
            cells=Cells.of(task, of_people(task, actual, owner)),
            truth=actual[order],
            guesses=[guess[order] for _, guess in pairs],
            owner=owner[order],
            first=np.cumsum(count) - count,
            count=count,
        )

    def resampled(self, resamples: int, seed: int) -> Iterator[tuple[Counts, Counts, Counts]]:
        """Yield weighted counts of hits, photos and predictions, each [some resamples, models, classes]."""
        people, models = len(self.count), len(self.guesses)
        own = [self._tallies(self.owner, people, self.truth, guess).reshape(people, -1) for guess in self.guesses]
        at_once = int(max(1, MOST_AT_ONCE // max(people, self.cells.n * len(self.truth) / people)))
        rng = np.random.default_rng(seed)
        # Where few people are alike, their spread among each other is less than that of those they stand for, by a
        # share of 1/n (Rao and Wu 1988): their weights, which would be exponential, are the more uneven. For one or
        # two people as for four: more was too much.
        there = self.cells.home[self.truth[self.first]]
        alike = np.bincount(there)[there]
        spread = np.maximum(1 - 1 / alike, 0.75)
        # A coin of its own for each model, by its place: what a model scores does not depend on those after it.
        coins = [np.random.default_rng((seed, 2, number)) for number in range(models)]
        for start in range(0, resamples, at_once):
            n = min(at_once, resamples - start)
            weights = rng.standard_gamma(spread, (n, people)) / spread
            # Model by model: how a product is rounded depends on its size.
            counts = np.stack([weights @ each for each in own], axis=1).reshape(n, models, 3, self.classes)
            counts += self._added(n, rng, coins)
            yield counts[:, :, 0], counts[:, :, 1], counts[:, :, 2]

    def _added(self, n: int, rng: np.random.Generator, coins: list[np.random.Generator]) -> Counts:
        """Add a person to each cell in each of n resamples: their counts, [n, models, 3, classes]."""
        added = n * self.cells.n
        donor, weight = rng.integers(len(self.count), size=added), rng.standard_exponential(added)
        invented, side = rng.random(added) < 1 / self.cells.n, rng.integers(2, size=added)
        who, photos = self._photos_of(donor)
        resample, cell = np.divmod(who, self.cells.n)
        truth = self.cells.truth[self.truth[photos], cell]
        result = []
        for guess, coin in zip(self.guesses, coins, strict=True):
            right = coin.random(added) < 0.5
            made_up = np.where(right[who], truth, self.cells.one_off[side[who], truth])
            carried = self.cells.predicted[self.truth[photos], guess[photos], cell]
            result.append(self._tallies(resample, n, truth, np.where(invented[who], made_up, carried), weight[who]))
        return np.stack(result, axis=1)

    def _photos_of(self, people: Ints) -> tuple[Ints, Ints]:
        """List the photos of people one after the other: (whose they are, as places in `people`; photos)."""
        counts = self.count[people]
        who = np.repeat(np.arange(len(people)), counts)
        return who, np.arange(len(who)) + np.repeat(self.first[people] - (np.cumsum(counts) - counts), counts)

    def _tallies(self, row: Ints, rows: int, truth: Ints, guess: Ints, weight: Counts | None = None) -> Counts:
        """Count hits, photos and predictions of each row by class: [rows, 3, classes]."""
        weight = np.ones(len(row)) if weight is None else weight
        parts = ((guess, weight * (guess == truth)), (truth, weight), (guess, weight))
        size = rows * self.classes
        counts = [np.bincount(row * self.classes + classes, by, minlength=size) for classes, by in parts]
        return np.stack([each.reshape(rows, self.classes) for each in counts], axis=1)
