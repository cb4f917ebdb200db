"""The task of a store: which of mask, gender and age band are predicted. Every combination of them is a class.

The reference task predicts all three, 18 classes: `class = mask*6 + gender*3 + band`. Photos that only say some of them
make a smaller task, in the same order: `Task(("gender", "age"))` has the classes gender*3 + band, 6 of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from common.errors import LabelError, OptionError
from common.wording import things
from data_prep.labels import GENDERS, MASKS, MISSING, N_BANDS, OFFICIAL_BANDS, IntArray, band_name

FACTORS = ("mask", "gender", "age")
IN_WORDS = {"mask": "mask", "gender": "gender", "age": "age band"}

KNOWN = 0.5
"""A factor belongs to the task where at least this share of the labelled photos has it. To ask for a label that few
photos have would leave the others out of training."""


@dataclass(frozen=True)
class Task:
    """What is predicted of a photo.

    Attributes:
        factors: of FACTORS, in their order.
        masks: the states of the mask that are told apart, of labels.MASKS in their order.
        notes: why the other factors and states are no part of it, for a person.

    Raises:
        OptionError: no factor, one that there is not, or fewer than two states of a mask to tell apart.
    """

    factors: tuple[str, ...] = FACTORS
    masks: tuple[str, ...] = MASKS
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not self.factors or self.factors != tuple(each for each in FACTORS if each in self.factors):
            raise OptionError(f"task: some of {', '.join(FACTORS)}, each once, are needed, but got {self.factors}")
        if "mask" in self.factors and (
            len(self.masks) < 2 or self.masks != tuple(each for each in MASKS if each in self.masks)
        ):
            raise OptionError(f"task: two or more of {', '.join(MASKS)}, each once, are needed, but got {self.masks}")

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each factor has."""
        sizes = {"mask": len(self.masks), "gender": len(GENDERS), "age": N_BANDS}
        return tuple(sizes[factor] for factor in self.factors)

    @property
    def classes(self) -> int:
        """How many there are."""
        return math.prod(self.shape)

    def encode(self, mask: npt.ArrayLike, gender: npt.ArrayLike, band: npt.ArrayLike) -> IntArray:
        """Encode three label arrays of one shape (codes as in labels) -> classes from 0, MISSING where a factor is."""
        return self.join(self.codes(mask, gender, band))

    def codes(self, mask: npt.ArrayLike, gender: npt.ArrayLike, band: npt.ArrayLike) -> dict[str, IntArray]:
        """Number the values of each factor of the task from 0, as the classes do; MISSING where it is not known."""
        given = {"mask": self._mask_codes(mask), "gender": gender, "age": band}
        return {factor: np.asarray(given[factor], dtype=np.int64) for factor in self.factors}

    def _mask_codes(self, mask: npt.ArrayLike) -> IntArray:
        """Number the states of the task; those that it does not tell apart are MISSING."""
        place = [self.masks.index(state) if state in self.masks else MISSING for state in MASKS]
        return np.array([*place, MISSING])[np.asarray(mask, dtype=np.int64)]

    def join(self, codes: Mapping[str, IntArray]) -> IntArray:
        """Make classes of the factors' codes; MISSING where one of them is."""
        parts = [codes[factor] for factor in self.factors]
        missing = np.any([part == MISSING for part in parts], axis=0)
        joined = np.ravel_multi_index([np.maximum(part, 0) for part in parts], self.shape)
        return np.where(missing, MISSING, joined)

    def split(self, classes: npt.ArrayLike) -> dict[str, IntArray]:
        """The inverse of `join`, for classes from 0."""
        codes = np.unravel_index(np.asarray(classes, dtype=np.int64), self.shape)
        return {factor: code.astype(np.int64) for factor, code in zip(self.factors, codes, strict=True)}

    def marginal(self, probabilities: npt.ArrayLike, factor: str) -> npt.NDArray[np.float64]:
        """Sum up a softmax over the classes [n, classes] to one over a factor's values, float64 [n, K]."""
        cells = np.asarray(probabilities, dtype=np.float64).reshape(-1, *self.shape)
        others = tuple(axis for axis, each in enumerate(self.factors, start=1) if each != factor)
        return np.asarray(cells.sum(axis=others))

    def values(self, factor: str, bands: tuple[int, int] = OFFICIAL_BANDS) -> tuple[str, ...]:
        """Name a factor's values in the order of their codes."""
        names = {"mask": self.masks, "gender": GENDERS, "age": tuple(band_name(band, bands) for band in range(N_BANDS))}
        return names[factor]

    def class_name(self, value: int, bands: tuple[int, int] = OFFICIAL_BANDS) -> str:
        """Name a class: `Task().class_name(17)` is "none female >=60"."""
        return " ".join(self.values(factor, bands)[int(code)] for factor, code in self.split(value).items())

    def __str__(self) -> str:
        names = [IN_WORDS[factor] for factor in self.factors]
        return f"{' x '.join(names)}, {self.classes} classes"

    def in_words(self) -> str:
        """Describe it with the reasons: "gender x age band, 6 classes; no photo has a mask label"."""
        return "; ".join([str(self), *self.notes])

    def to_json(self) -> dict[str, Any]:
        """The task as store.json keeps it."""
        return {"factors": list(self.factors), "masks": list(self.masks), "notes": list(self.notes)}

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> Task:
        """The inverse of `to_json`."""
        return cls(tuple(saved["factors"]), tuple(saved["masks"]), tuple(saved["notes"]))


REFERENCE = Task()


def parse(text: str) -> tuple[str, ...]:
    """Read --task, "gender,mask" -> ("mask", "gender").

    Raises:
        OptionError: it names something else.
    """
    names = [name.strip() for name in text.split(",")]
    if not set(names) <= set(FACTORS) or len(set(names)) < len(names):
        raise OptionError(f"--task: some of {','.join(FACTORS)}, such as gender,age, are needed, but got {text!r}")
    return tuple(factor for factor in FACTORS if factor in names)


def of_labels(mask: IntArray, gender: IntArray, band: IntArray, asked: Sequence[str] | None = None) -> Task:
    """Find what can be predicted: the factors that the photos have, and that differ between them.

    Args:
        mask, gender, band: codes of labels, one a photo; photos without any label do not count.
        asked: the factors to predict, whatever the photos have.

    Raises:
        LabelError: a factor that was asked for has fewer than two values; or there is none that has.
    """
    codes = {"mask": mask, "gender": gender, "age": band}
    labelled = np.any([code != MISSING for code in codes.values()], axis=0)
    reasons = {factor: _why_not(factor, code[labelled]) for factor, code in codes.items()}
    if asked is not None:
        for factor in asked:
            if len(_present(codes[factor])) < 2:
                raise LabelError(f"--task: {reasons[factor]}; leave {factor} out of it")
        factors = tuple(asked)
        notes = ["chosen by --task"] if any(reasons[each] is None for each in FACTORS if each not in asked) else []
    else:
        factors = tuple(factor for factor in FACTORS if reasons[factor] is None)
        notes = [why for why in reasons.values() if why]
    if not factors:
        raise LabelError(f"there is nothing to predict: {'; '.join(notes)}; add labels (docs/data.md says how)")
    states = tuple(MASKS[code] for code in _present(mask))
    if "mask" not in factors:
        return Task(factors, notes=tuple(notes))
    notes += [f"no photo's mask is {state}" for state in MASKS if state not in states]
    return Task(factors, states, tuple(notes))


def _present(codes: IntArray) -> list[int]:
    return [int(code) for code in np.unique(codes) if code != MISSING]


def _why_not(factor: str, codes: IntArray) -> str | None:
    """Say why the labelled photos' factor cannot be predicted; None where it can."""
    names = {"mask": MASKS, "gender": GENDERS, "age": ("young", "middle", "old")}[factor]
    name, known, present = IN_WORDS[factor], int((codes != MISSING).sum()), _present(codes)
    if not present:
        return f"no photo has {'an' if name[0] in 'aeiou' else 'a'} {name} label"
    if len(present) == 1:
        return f"every photo's {name} is {names[present[0]]}"
    if known < KNOWN * len(codes):
        return f"only {known} of {len(codes)} photos {things(known, 'has', 'have')} a label of {name}"
    return None
