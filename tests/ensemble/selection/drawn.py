"""People and models that are drawn, so that what a vote is worth to all people can be told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from data_prep.store.split import folds
from data_prep.task import REFERENCE, Task
from ensemble.selection.pool import Pool
from ensemble.voting.vote import Rule
from tests.ensemble.searches import sure_of

TASKS = {2: Task(("gender",)), 3: Task(("age",)), 6: Task(("gender", "age")), 18: REFERENCE}


def pool_of(truth: np.ndarray, says: Sequence[np.ndarray], classes: int, photos: int = 1, repeats: int = 2) -> Pool:
    """Stack models that say these classes of photos, `photos` in a row of each person."""
    person = np.arange(len(truth)) // photos
    people = pd.Series("same", index=[f"{n:04d}" for n in range(person.max() + 1)])
    ways = [folds(people, min(5, len(people)), seed=seed).to_numpy()[person] for seed in range(repeats)]
    return Pool(np.stack([sure_of(each, classes) for each in says]), truth, person, np.stack(ways), TASKS[classes])


class Population:
    """Models of different skill err on people, each on some of its own and all on some."""

    CLASSES, PHOTOS = 6, 5

    def __init__(self, seed: int, models: int = 5) -> None:
        rng = np.random.default_rng(seed)
        self.skill = rng.uniform(1.2, 2.4, models)
        self.leaning = rng.normal(0, 0.4, (models, self.CLASSES, self.CLASSES))
        self.temperature = rng.uniform(0.5, 2, models)

    def draw(self, people: int, seed: int, alike: float = 0.6) -> Pool:
        """Draw people; `alike` is the share of the models' errors that all make."""
        rng, models, classes = np.random.default_rng(seed), len(self.skill), self.CLASSES
        person = np.repeat(np.arange(people), self.PHOTOS)
        truth = 3 * rng.integers(0, 2, people)[person] + rng.choice(3, len(person), p=(0.6, 0.25, 0.15))
        of_people = rng.normal(size=(models + 1, people, classes))[:, person]
        errors = 0.7 * of_people + 0.7 * rng.normal(size=(models + 1, len(person), classes))
        noise = alike * errors[:1] + np.sqrt(1 - alike**2) * errors[1:]
        logits = self.skill[:, None, None] * np.eye(classes)[truth] + self.leaning[:, truth] + noise
        powers = np.exp(self.temperature[:, None, None] * (logits - logits.max(axis=2, keepdims=True)))
        names = pd.Series("same", index=[f"{n:04d}" for n in range(people)])
        ways = np.stack([folds(names, 5, seed=seed).to_numpy()[person] for seed in range(2)])
        return Pool(
            (powers / powers.sum(axis=2, keepdims=True)).astype(np.float32), truth, person, ways, TASKS[classes]
        )


def f1(pool: Pool, rule: Rule) -> float:
    """Score a rule on a pool."""
    return float(pool.f1(pool.vote(rule).argmax(axis=1)[None])[0])
