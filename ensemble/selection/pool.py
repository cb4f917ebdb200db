"""What the candidates said of val's photos, side by side, and which people are left out together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_prep.store.split import folds, strata, units
from data_prep.store.store import Store
from data_prep.task import Task
from ensemble.selection.candidates import Candidate
from ensemble.voting.vote import Rule, soft_vote
from trainable.predict import Probabilities
from trainable.recipe.metrics import f1_of

FOLDS = 5
"""People are left out a fifth at a time."""

REPEATS, MANY, FEWER_REPEATS = 5, 500, 2
"""They are divided in five different ways, since which fifths they are is chance as well; with many people, less so."""

IntArray = npt.NDArray[np.int64]
Weights = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pool:
    """It holds every candidate's probabilities for the same photos.

    Attributes:
        probabilities: float32 [candidates, n, classes].
        truth: int64 [n], the photos' classes.
        person: int64 [n], equal where two photos show one person.
        folds: int64 [repeats, n], the fold that a photo's person is in, of each way to divide the people.
        task: what the classes are of.
    """

    probabilities: Probabilities
    truth: IntArray
    person: IntArray
    folds: IntArray
    task: Task

    @classmethod
    def of(cls, candidates: Sequence[Candidate], store: Store) -> Pool:
        """Stack the candidates' probabilities for the store's val photos."""
        val = store.labelled("val")
        _, person = np.unique(store.person[val].astype(str), return_inverse=True)
        stacked = np.stack([candidate.probabilities for candidate in candidates])
        return cls(stacked, store.classes()[val], person, _folds(store, val), store.task)

    def photos(self, keep: npt.NDArray[np.bool_]) -> Pool:
        """Keep some photos."""
        return Pool(self.probabilities[:, keep], self.truth[keep], self.person[keep], self.folds[:, keep], self.task)

    def members(self, positions: Sequence[int] | IntArray) -> Pool:
        """Keep some candidates, in this order."""
        return replace(self, probabilities=self.probabilities[np.asarray(positions)])

    def vote(self, rule: Rule) -> Probabilities:
        """Let all candidates vote by a rule that has a weight for each: float32 [n, classes]."""
        able = [position for position, weight in enumerate(rule.weights) if weight > 0]
        return soft_vote([self.probabilities[position] for position in able], narrowed(rule, able))

    def f1(self, predicted: IntArray, counts: npt.NDArray[np.int64] | None = None) -> npt.NDArray[np.float64]:
        """Score several predictions at once by macro F1 over the classes that are there.

        Args:
            predicted: int64 [several, n].
            counts: int64 [n], how often each photo counts; once by default.

        Returns:
            float64 [several].
        """
        several, classes = len(predicted), self.probabilities.shape[2]
        weight = np.ones(len(self.truth)) if counts is None else counts.astype(np.float64)
        first = classes * np.arange(several)[:, None]
        size = several * classes

        def tally(of: IntArray, weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            counted = np.bincount((first + of).ravel(), weights.ravel(), minlength=size)
            return counted.astype(np.float64).reshape(several, classes)

        hits = tally(predicted, weight * (predicted == self.truth))
        guessed = tally(predicted, np.broadcast_to(weight, predicted.shape))
        actual = np.broadcast_to(np.bincount(self.truth, weight, minlength=classes), hits.shape)
        return np.asarray(np.nanmean(f1_of(hits, actual, guessed), axis=1))

    def single_f1(self) -> npt.NDArray[np.float64]:
        """Score each candidate by itself: float64 [candidates]."""
        return self.f1(self.probabilities.argmax(axis=2))


def narrowed(rule: Rule, positions: Sequence[int]) -> Rule:
    """Keep what a rule says of the members at these positions, which have all of the weight."""
    weights = tuple(rule.weights[position] for position in positions)
    return Rule(weights, tuple(rule.temperatures[position] for position in positions), rule.class_weights)


def _folds(store: Store, val: IntArray) -> IntArray:
    """Divide val's people as the store divides people into splits; of one person there is no fold."""
    person = store.person[val]
    known = strata(person, store.mask[val], store.gender[val], store.band[val])
    together = {name: unit for name, unit in units(store.meta["split"].get("together", ())).items() if name in known}
    number = min(FOLDS, len({together.get(name, name) for name in known.index}))
    if number < 2:
        return np.zeros((0, len(val)), dtype=np.int64)
    repeats = REPEATS if len(known) < MANY else FEWER_REPEATS
    ways = [folds(known, number, seed=seed, unit=together) for seed in range(repeats)]
    return np.stack([pd.Series(person).map(way).to_numpy(dtype=np.int64) for way in ways])
