"""How many of whom: the reference task's mix of gender and age, and whose labels are wrong."""

from __future__ import annotations

from typing import Literal

import numpy as np

Part = Literal["train", "eval"]
PARTS: tuple[Part, ...] = ("train", "eval")

PEOPLE = 360
"""As many labelled people as are drawn unless told otherwise: with them val can say which models vote, and the interval
of a test score is a third narrower than with 160."""

WOMEN = 1658 / 2700
MISLABELLED = 0.015

# People per age 18..60: the reference task's bands (1281, 1227, 192) and its 58 (159) and 59 (85).
_YOUNG = np.array([0.5, 0.9, 1.2, 1.2, 1.2, 1.2, 1.2, 1.1, 0.9, 0.8, 0.7, 0.6])
_PER_AGE = np.concatenate([_YOUNG / _YOUNG.sum() * 1281, [22] * 10, [32] * 10, [55.4] * 8, [159, 85, 192]])
AGES = np.arange(18, 61)

# Steps of two sequences that fill 0..1 evenly, so that even a few people have the right mix.
_GOLDEN, _PLASTIC = 0.6180339887498949, 0.7548776662466927


def gender_and_age(seed: int, part: Part, number: int) -> tuple[str, int]:
    """What is true of person `number`; it does not depend on how many people there are."""
    start = np.random.default_rng([seed, PARTS.index(part)]).random()
    share = (start + (number + 1) * _GOLDEN) % 1
    gender, within = ("female", share / WOMEN) if share < WOMEN else ("male", (share - WOMEN) / (1 - WOMEN))
    edges = np.cumsum(_PER_AGE) / _PER_AGE.sum()
    place = int(np.searchsorted(edges, within, side="right"))
    return gender, int(AGES[min(place, len(AGES) - 1)])


def wrong_label(seed: int, part: Part, number: int) -> str:
    """Which of a person's labels is wrong: "", "gender" or "mask" (normal and incorrect_mask swapped)."""
    start = np.random.default_rng([seed, PARTS.index(part), 1, 1]).random()
    share = (start + (number + 1) * _PLASTIC) % 1
    if part == "eval" or share >= MISLABELLED:
        return ""
    return "gender" if share < MISLABELLED / 2 else "mask"
