"""What predicts photos, wherever that is done: the models that vote, and what their classes mean."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common.errors import OptionError
from common.search_folder import BEST_WEIGHTS
from data_prep.store.store import Store
from data_prep.task import REFERENCE, Task
from ensemble.selection.choice import Choice
from ensemble.voting.ensemble import Ensemble


@dataclass(frozen=True)
class Meaning:
    """It says what the classes are: those of a task, with its official age bands' first ages."""

    task: Task
    bands: tuple[int, int]

    @property
    def is_reference(self) -> bool:
        """Whether a class is the reference task's `ans`, mask*6 + gender*3 + age band."""
        return self.task == REFERENCE

    @cached_property
    def class_names(self) -> list[str]:
        """Name the classes in their order, such as "worn female 30-59"."""
        return [self.task.class_name(number, self.bands) for number in range(self.task.classes)]

    def by_factor(self, classes: npt.ArrayLike) -> dict[str, npt.NDArray[np.str_]]:
        """Name what classes say of each factor of the task."""
        codes = self.task.split(classes)
        return {factor: np.array(self.task.values(factor, self.bands))[code] for factor, code in codes.items()}

    def class_of(self, option: str, text: str) -> int:
        """Read a class that a person names by its number or its name.

        Raises:
            OptionError: there is no such class.
        """
        words = " ".join(text.lower().split())
        if words in self.class_names:
            return self.class_names.index(words)
        if words.isascii() and words.isdecimal() and int(words) < self.task.classes:
            return int(words)
        raise OptionError(
            f"{option}: a class from 0 to {self.task.classes - 1}, or its name, such as {self.class_names[0]!r}, is "
            f"needed, but got {text!r}"
        )


@dataclass(frozen=True)
class Predictor:
    """It has an ensemble, or can load it, here and in other processes.

    Attributes:
        load: makes the ensemble; it can travel to another process, and loads there.
        meaning: of the ensemble's classes.
        key: differs where answers may differ: with the members, their weights, the rule, the views.
        ready: the ensemble, where it is loaded already; it does not travel.
    """

    load: Callable[[], Ensemble]
    meaning: Meaning
    key: str
    ready: Ensemble | None = None

    @classmethod
    def of_choice(cls, choice: Choice, store: Store) -> Predictor:
        """Predict as chosen, from the weights in the trials' folders."""
        weights = [[str(folder), *_state(folder / BEST_WEIGHTS)] for each in choice.members for folder in each.folders]
        shares = [[each.weight, each.temperature] for each in choice.members]
        key = json.dumps([weights, shares, choice.class_weights, [view.name for view in choice.views], store.hash])
        return cls(partial(choice.load, store), Meaning(store.task, store.bands), key)

    def ensemble(self) -> Ensemble:
        return self.ready or self.load()

    def to_travel(self) -> Predictor:
        """Leave behind what is loaded: models on this process's device."""
        return replace(self, ready=None)


def _state(file: Path) -> tuple[int, int]:
    status = file.stat()
    return status.st_size, status.st_mtime_ns
