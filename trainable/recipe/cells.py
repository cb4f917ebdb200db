"""Cells of people, such as gender x age band, and a person carried from one to another with their errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data_prep.task import Task

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """They are all combinations of the factors that are a person's, not a photo's.

    Attributes:
        n: how many they are, 1 or more.
        home: int [classes], the cell that a photo of a class is of.
        truth: int [classes, n], the class that a photo of a class is of in each cell.
        predicted: int [classes, classes, n], what is predicted for it there, by its own class and what was predicted:
            as far off in the person's factors as that was.
        one_off: int [2, classes], what is predicted by who takes the last factor (the age band, if the task has it)
            for the value below, or above.
    """

    n: int
    home: Ints
    truth: Ints
    predicted: Ints
    one_off: Ints

    @classmethod
    def of(cls, task: Task, factors: tuple[str, ...]) -> Cells:
        """Make the cells of a task by these factors of it; of none there is one, which changes nothing."""
        sizes = dict(zip(task.factors, task.shape, strict=True))
        shape = tuple(sizes[factor] for factor in factors)
        n = math.prod(shape)
        place = dict(zip(factors, np.unravel_index(np.arange(n), shape), strict=True)) if factors else {}
        codes = task.split(np.arange(task.classes))
        home = (
            np.ravel_multi_index([codes[factor] for factor in factors], shape)
            if factors
            else np.zeros_like(codes[task.factors[0]])
        )
        truth, predicted = {}, {}
        for factor, code in codes.items():
            there = place.get(factor)
            truth[factor] = np.broadcast_to(code[:, None] if there is None else there, (task.classes, n))
            predicted[factor] = np.broadcast_to(
                code[:, None] if there is None else _beside(there, (code - code[:, None])[..., None], sizes[factor]),
                (task.classes, task.classes, n),
            )
        last = task.factors[-1]
        off = [task.join(codes | {last: _beside(codes[last], step, sizes[last])}) for step in (-1, 1)]
        return cls(n, home, task.join(truth), task.join(predicted), np.stack(off))


def of_people(task: Task, truth: Ints, owner: Ints) -> tuple[str, ...]:
    """Name the task's factors that are a person's: gender and age, and the mask where nobody's photos show two states.

    Args:
        truth, owner: int [n], the class of each photo and its person.
    """
    mask = task.split(truth).get("mask", owner)
    states, people = np.unique(np.stack([owner, mask]), axis=1).shape[1], len(np.unique(owner))
    return tuple(factor for factor in task.factors if factor != "mask" or states == people)


def _beside(code: Ints, off: Ints | int, size: int) -> Ints:
    """Move codes by `off`, to the other side where there is nothing on this one."""
    moved = code + off
    return np.clip(np.where((moved < 0) | (moved >= size), code - off, moved), 0, size - 1)
