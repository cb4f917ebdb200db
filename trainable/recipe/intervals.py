"""A score with what is known of it, and the difference of two.

    found = Score.of(truth, predicted, person, task)
    print(found, found.note)          0.605  0.530 to 0.673  14 of 18 classes seen
    print(paired_difference(truth, single, vote, person, task))      +.012, -.010 to +.034: not told apart

Intervals are of 95%: percentiles of a bootstrap over people (`trainable.recipe.bootstrap`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_prep.task import Task
from trainable.recipe.bootstrap import bootstrap_f1, bootstrap_macro_f1
from trainable.recipe.metrics import Counts, checked, f1_of, macro_f1

LEVEL = 0.95


@dataclass(frozen=True)
class Score:
    """Macro F1 over the classes that were seen, and between what ends it lies, over all classes, for all people.

    Attributes:
        f1, low, high: low <= f1 <= high.
        classes_seen, classes: of the task's classes, so many occur among the photos that were judged.
        thin: so many of the classes seen rest on one person.
    """

    f1: float
    low: float
    high: float
    classes_seen: int
    classes: int
    thin: int

    @classmethod
    def of(cls, truth: npt.ArrayLike, predicted: npt.ArrayLike, person: npt.ArrayLike, task: Task) -> Score:
        """Score predicted classes, int [n], of photos; `bootstrap_f1` says what the arguments are."""
        f1 = macro_f1(truth, predicted)
        low, high = interval(bootstrap_macro_f1(truth, np.asarray(predicted)[None], person, task)[:, 0], f1)
        people = _people_per_class(truth, person)
        return cls(f1, low, high, len(people), task.classes, list(people.values()).count(1))

    @property
    def note(self) -> str:
        """What makes the score less than it looks; empty where nothing does."""
        seen = f"{self.classes_seen} of {self.classes} classes seen" if self.classes_seen < self.classes else ""
        thin = f"{self.thin} class{'es rest' if self.thin > 1 else ' rests'} on one person" if self.thin else ""
        return ", ".join(filter(None, (seen, thin)))

    def __str__(self) -> str:
        return f"{self.f1:.3f}  {self.low:.3f} to {self.high:.3f}"


@dataclass(frozen=True)
class Difference:
    """It is what the macro F1 of one model is above another's on the same people.

    Attributes:
        gain, low, high: low <= gain <= high.
    """

    gain: float
    low: float
    high: float

    @property
    def told_apart(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        gain, low, high = (signed(each) for each in (self.gain, self.low, self.high))
        return f"{gain}, {low} to {high}: {'told apart' if self.told_apart else 'not told apart'}"


def paired_difference(
    truth: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, person: npt.ArrayLike, task: Task
) -> Difference:
    """Find what the second model's macro F1 is above the first one's; predicted classes int [n] of the same photos."""
    scores = bootstrap_macro_f1(truth, np.stack([first, second]), person, task)
    gain = macro_f1(truth, second) - macro_f1(truth, first)
    return Difference(gain, *interval(scores[:, 1] - scores[:, 0], gain))


def by_factor(truth: npt.ArrayLike, predicted: npt.ArrayLike, person: npt.ArrayLike, task: Task) -> dict[str, Score]:
    """Score each factor of the task by itself: macro F1 over its values."""
    actual, guess = task.split(truth), task.split(predicted)
    alone = {factor: Task((factor,), task.masks) for factor in task.factors}
    return {factor: Score.of(actual[factor], guess[factor], person, alone[factor]) for factor in task.factors}


def by_class(truth: npt.ArrayLike, predicted: npt.ArrayLike, person: npt.ArrayLike, task: Task) -> list[Score]:
    """Find the F1 of each class of the task; NaN, with an interval by the errors of others, of one that none is of."""
    actual, guess = checked(truth, predicted)
    counts = (np.bincount(classes, minlength=task.classes) for classes in (actual[actual == guess], actual, guess))
    resampled, people = bootstrap_f1(actual, guess[None], person, task)[:, 0], _people_per_class(actual, person)
    scores = []
    for number, f1 in enumerate(f1_of(*counts)):
        seen = people.get(number, 0)
        scores.append(Score(float(f1), *interval(resampled[:, number], f1), int(seen > 0), 1, int(seen == 1)))
    return scores


def interval(resampled: Counts, found: float) -> tuple[float, float]:
    """Find the percentiles of resampled scores, [resamples], widened where need be to hold the score itself; NaN is
    none."""
    low, high = np.nanquantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.fmin(low, found)), float(np.fmax(high, found))


def _people_per_class(truth: npt.ArrayLike, person: npt.ArrayLike) -> dict[int, int]:
    """Count the people of each class that occurs."""
    _, owner = np.unique(np.asarray(person), return_inverse=True)
    pairs = np.unique(np.stack([np.asarray(truth), owner]), axis=1)
    classes, people = np.unique(pairs[0], return_counts=True)
    return dict(zip(classes.tolist(), people.tolist(), strict=True))


def signed(value: float) -> str:
    """Write a difference as tables do: +.012."""
    return f"{value:+.3f}".replace("0.", ".", 1)
