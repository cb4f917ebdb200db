"""What a choice is worth to people that it was not made by: chosen on some of val's people, judged on the others.

The score of a choice on the people it was made by is too high, the more so the more was to choose from. Here the people
are divided into folds, all is chosen anew without one fold and judged on it, and the judged folds are joined.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ensemble.selection.pool import IntArray, Pool
from ensemble.voting.vote import Rule
from trainable.recipe.metrics import bootstrap_macro_f1

RESAMPLES = 500

Fit = Callable[[Pool], Sequence[Rule]]


@dataclass(frozen=True)
class Gain:
    """It is how much better one choice is than another, on the same people.

    Attributes:
        value: the difference of their nested macro F1.
        noise: its standard error over people.
    """

    value: float
    noise: float

    @property
    def low(self) -> float:
        """The lower end of its 95% interval."""
        return self.value - 1.96 * self.noise

    @property
    def high(self) -> float:
        """The upper end of its 95% interval."""
        return self.value + 1.96 * self.noise

    @property
    def is_clear(self) -> bool:
        """Say whether it is more than its noise."""
        return self.value > self.noise

    def __str__(self) -> str:
        return f"{self.value:+.3f}, {self.low:+.3f} to {self.high:+.3f}"


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
        drawn = bootstrap_macro_f1(pool.truth, np.concatenate([new, old]), pool.person, RESAMPLES)
        # Not of the mean over the repeats: what votes in the end is one choice, and each has its own luck.
        noise = float(np.subtract(*np.split(drawn, [len(new)], axis=1)).std())
        return Gain(float(pool.f1(new).mean() - pool.f1(old).mean()), noise)


def judge(pool: Pool, fit: Fit) -> list[Judged]:
    """Judge each of the rules that `fit` makes of a pool, always in the same order."""
    rules = fit(pool)
    predicted = np.zeros((len(rules), *pool.folds.shape), dtype=np.int64)
    for way, fold_of in enumerate(pool.folds):
        for fold in np.unique(fold_of):
            held = fold_of == fold
            judged = pool.photos(held)
            for number, rule in enumerate(fit(pool.photos(~held))):
                predicted[number, way, held] = judged.vote(rule).argmax(axis=1)
    on_val = [float(pool.f1(pool.vote(rule).argmax(axis=1)[None])[0]) for rule in rules]
    return [Judged(*each) for each in zip(rules, on_val, predicted, strict=True)]
