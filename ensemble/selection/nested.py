"""What a choice is worth to people that it was not made by: chosen on some of val's people, judged on the others.

The score of a choice on the people it was made by is too high, the more so the more was to choose from. Here the people
are divided into folds, all is chosen anew without one fold and judged on it, and the judged folds are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from data_prep.workers import passing
from ensemble.selection.pool import IntArray, Pool
from ensemble.voting.vote import Rule
from trainable.recipe.bootstrap import bootstrap_macro_f1
from trainable.recipe.intervals import interval, signed

RESAMPLES = 500

Fit = Callable[[Pool], Sequence[Rule]]


@dataclass(frozen=True)
class Gain:
    """It is how much better one choice is than another, on the same people.

    Attributes:
        value: the difference of their nested macro F1.
        low, high: its 95% interval.
        noise: its standard error over people.
    """

    value: float
    low: float
    high: float
    noise: float

    @property
    def is_clear(self) -> bool:
        """Say whether it is more than its noise."""
        return self.value > self.noise

    def __str__(self) -> str:
        return f"{signed(self.value)}, {signed(self.low)} to {signed(self.high)}"


@dataclass(frozen=True)
class Judged:
    """It is a rule, and what val says of the way it was fitted.

    Attributes:
        rule: fitted on all of val.
        on_val: its macro F1 there, which is too high.
        predicted: int64 [repeats, n], the classes that rules fitted in this way gave people they were not fitted on.
    """

    rule: Rule
    on_val: float
    predicted: IntArray

    def nested(self, pool: Pool) -> float | None:
        """Score what people were given by rules that were not fitted on them; None where nobody could be left out."""
        return float(pool.f1(self.predicted).mean()) if len(self.predicted) else None

    def gain(self, pool: Pool, over: Judged) -> Gain | None:
        """Compare with another on the same people, mean over the repeats; None where nobody could be left out."""
        new, old = self.predicted, over.predicted
        if len(new) == 0:
            return None
        drawn = bootstrap_macro_f1(pool.truth, np.concatenate([new, old]), pool.person, pool.task, RESAMPLES)
        # Not of the mean over the repeats: what votes in the end is one choice, and each has its own luck.
        differences = np.subtract(*np.split(drawn, [len(new)], axis=1)).ravel()
        value = float(pool.f1(new).mean() - pool.f1(old).mean())
        return Gain(value, *interval(differences, value), float(differences.std()))


def judge(pool: Pool, fit: Fit) -> list[Judged]:
    """Judge each of the rules that `fit` makes of a pool, always in the same order."""
    rules = fit(pool)
    predicted = np.zeros((len(rules), *pool.folds.shape), dtype=np.int64)
    left_out = [(way, fold) for way, fold_of in enumerate(pool.folds) for fold in np.unique(fold_of)]
    for way, fold in passing(left_out, "judging the vote"):
        held = pool.folds[way] == fold
        judged = pool.photos(held)
        for number, rule in enumerate(fit(pool.photos(~held))):
            predicted[number, way, held] = judged.vote(rule).argmax(axis=1)
    on_val = [float(pool.f1(pool.vote(rule).argmax(axis=1)[None])[0]) for rule in rules]
    return [Judged(*each) for each in zip(rules, on_val, predicted, strict=True)]
