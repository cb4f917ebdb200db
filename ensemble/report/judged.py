"""What a report is made of: photos whose truth is known, and what was said of them. Plain arrays, no store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from data_prep.labels import MISSING, OFFICIAL_BANDS, IntArray
from data_prep.store.store import Store
from data_prep.task import Task
from trainable.predict import Probabilities


@dataclass(frozen=True)
class Votes:
    """It is what one predictor says of the photos.

    Attributes:
        name: of the predictor, such as "ensemble".
        probabilities: float32 [n, classes].
    """

    name: str
    probabilities: Probabilities

    @cached_property
    def guess(self) -> IntArray:
        """int64 [n]: the most probable class."""
        return self.probabilities.argmax(axis=1).astype(np.int64)

    @cached_property
    def confidence(self) -> npt.NDArray[np.float64]:
        """float64 [n], 0..1: its probability."""
        return self.probabilities.max(axis=1).astype(np.float64)


@dataclass(frozen=True)
class Judged:
    """It holds n photos with known classes, and two predictors' votes on them.

    Attributes:
        split: "test" or "val". On val the members were chosen, so that every figure is too high there.
        truth: int64 [n], classes of the task from 0.
        person: [n], equal where two photos show one person.
        age: int64 [n] in years, MISSING where only a range or nothing is known.
        names: str [n], of the photos.
        ensemble, single: what all members say together, and what the best of them says alone.
        pixels: gives uint8 [k, height, width, 3] of k positions among the photos; None where pictures are not wanted.

    Raises:
        ValueError: arrays of other lengths, no photo, or another number of classes than the task's.
    """

    split: str
    task: Task
    truth: IntArray
    person: npt.NDArray[Any]
    age: IntArray
    names: npt.NDArray[Any]
    ensemble: Votes
    single: Votes
    bands: tuple[int, int] = OFFICIAL_BANDS
    pixels: Callable[[IntArray], npt.NDArray[np.uint8]] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        n = len(self.truth)
        lengths = {len(each) for each in (self.person, self.age, self.names)}
        if n == 0 or lengths != {n}:
            raise ValueError(f"truth, person, age and names: one length >= 1 must hold, but got {n} and {lengths}")
        for votes in (self.ensemble, self.single):
            if votes.probabilities.shape != (n, self.task.classes):
                raise ValueError(
                    f"{votes.name}: probabilities [{n}, {self.task.classes}] must hold, "
                    f"but they are {votes.probabilities.shape}"
                )

    @classmethod
    def of_store(
        cls, store: Store, split: str, rows: IntArray, ensemble: Votes, single: Votes, pictures: bool = True
    ) -> Judged:
        """Take truth, people, ages and pictures of labelled rows from their store."""
        return cls(
            split=split,
            task=store.task,
            truth=store.classes()[rows],
            person=store.person[rows],
            age=np.where(store.age_min == store.age_max, store.age_min, MISSING)[rows],
            names=store.index["path"].to_numpy()[rows],
            ensemble=ensemble,
            single=single,
            bands=store.bands,
            pixels=(lambda positions: store.read(rows[positions])) if pictures else None,
        )

    @property
    def people(self) -> int:
        """How many different people the photos show."""
        return len(np.unique(self.person))

    @property
    def both(self) -> tuple[Votes, Votes]:
        """The ensemble comes first: charts give it the first colour."""
        return self.ensemble, self.single

    def class_names(self) -> list[str]:
        """Name the classes in their order."""
        return [self.task.class_name(value, self.bands) for value in range(self.task.classes)]

    def factor(self, factor: str) -> tuple[IntArray, list[IntArray]]:
        """Give the truth of one factor, as its codes, and the guesses of both."""
        return self.task.split(self.truth)[factor], [self.task.split(votes.guess)[factor] for votes in self.both]
