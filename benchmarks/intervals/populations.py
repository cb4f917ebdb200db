"""Populations of people, drawn, with the errors of two models: their macro F1 is known.

Nobody is one of 60,000 people for whom two models have made their predictions. What these models are worth is macro F1
over all; what a test set says of it is macro F1 over the few who are in the set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_prep.task import REFERENCE, Task
from trainable.recipe.metrics import Ints, macro_f1

PEOPLE = 60_000
FEMALE = 0.614
BANDS = {"few old": (0.474, 0.454, 0.072), "even": (1 / 3, 1 / 3, 1 / 3)}
"""Shares of the age bands; the first as in the reference task's train people."""

STRICTNESS = {"mask": (2.2, 1.2, 1.2), "gender": (2.0, 2.0), "age": (1.0, 0.9, 0.2)}
"""How far from a mistake a model is about each value, in standard deviations: the old and badly worn masks are hard."""


@dataclass(frozen=True)
class Kind:
    """It says what people, photos and errors there are.

    Attributes:
        photos: one a person, of any mask state; or the reference task's seven, of which five with the mask worn.
        together: a person's photos are all wrong in gender and age or none is; otherwise these errors hang together.
    """

    task: Task = REFERENCE
    bands: str = "few old"
    photos: int = 7
    together: bool = False

    def __str__(self) -> str:
        if self.photos == 1:
            return f"{self.task.classes} classes, {self.bands}, 1 photo"
        errors = "err together" if self.together else "err on their own too"
        return f"{self.task.classes} classes, {self.bands}, {self.photos} photos, photos {errors}"


@dataclass(frozen=True)
class Population:
    """Attributes:
    truth, first, second: int [people, photos], classes; those that the models predict.
    stratum: int [people], gender x age band (x mask, of people of one photo): what splits are stratified by.
    """

    kind: Kind
    truth: Ints
    first: Ints
    second: Ints
    stratum: Ints

    @classmethod
    def draw(cls, kind: Kind, f1: float, seed: int) -> Population:
        """Draw people, and two models so good that the first one's macro F1 is about `f1`, the second's a bit more."""
        rng = np.random.default_rng(seed)
        shares = np.asarray(BANDS[kind.bands])
        gender = (rng.random((PEOPLE, 1)) < FEMALE).astype(np.int64)
        band = rng.choice(3, p=shares, size=(PEOPLE, 1))
        mask = np.array([0] * 5 + [1, 2])[None].repeat(PEOPLE, axis=0)
        if kind.photos == 1:
            mask = rng.permuted(mask, axis=1)[:, :1]
        actual = {"mask": mask, "gender": gender.repeat(mask.shape[1], 1), "age": band.repeat(mask.shape[1], 1)}
        shared, models = _noise(rng, kind, mask.shape[1]), [_noise(rng, kind, mask.shape[1]) for _ in range(2)]
        noise = [{each: (2 * shared[each] + own[each]) / 5**0.5 for each in shared} for own in models]
        side = rng.choice((-1, 1), size=(PEOPLE, 1))
        truth = kind.task.encode(*actual.values())

        def predicted(model: int, skill: float) -> Ints:
            return kind.task.encode(*(_guess(name, actual[name], noise[model][name], side, skill) for name in actual))

        skill = _solved(lambda skill: macro_f1(truth.ravel(), predicted(0, skill).ravel()) - f1)
        last = mask[:, 0] if kind.photos == 1 and "mask" in kind.task.factors else 0
        stratum = (gender[:, 0] * 3 + band[:, 0]) * 3 + last
        return cls(kind, truth, predicted(0, skill), predicted(1, skill + 0.1), stratum)

    def sample(self, people: int, rng: np.random.Generator) -> Ints:
        """Choose so many for a test set, each stratum in proportion, and by one person at least as a store's is."""
        where = np.unique(self.stratum, return_inverse=True)[1]
        wanted = people * np.bincount(where) / len(where)
        count = np.maximum(np.floor(wanted), 1).astype(np.int64)
        while count.sum() != people:
            rest = wanted - count
            count[rest.argmax() if count.sum() < people else np.where(count > 1, rest, np.inf).argmin()] += np.sign(
                people - count.sum()
            )
        return np.concatenate([rng.choice(np.flatnonzero(where == i), n) for i, n in enumerate(count)])


def _noise(rng: np.random.Generator, kind: Kind, photos: int) -> dict[str, npt.NDArray[np.float64]]:
    """Draw how hard each factor of each photo is to tell, standard normal: partly the person, partly the photo."""

    def draw(by_person: float) -> npt.NDArray[np.float64]:
        person, photo = rng.normal(size=(PEOPLE, 1)), rng.normal(size=(PEOPLE, photos))
        return np.sqrt(by_person) * person + np.sqrt(1 - by_person) * photo

    by_person = 1.0 if kind.together else 0.7
    return {"mask": draw(0.2), "gender": draw(by_person), "age": draw(by_person)}


def _guess(name: str, code: Ints, noise: npt.NDArray[np.float64], side: Ints, skill: float) -> Ints:
    """Predict a factor: right where the noise is small, otherwise one value beside."""
    values = len(STRICTNESS[name])
    beside = 1 - code if values == 2 else np.where(code == 1, 1 + side, 1)
    return np.where(noise > np.asarray(STRICTNESS[name])[code] + skill, beside, code)


def _solved(excess: Callable[[float], float]) -> float:
    """Find by bisection where a rising function is zero."""
    low, high = -3.0, 3.0
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return (low + high) / 2
