"""Who trains and who is kept to judge: splits by person, stratified by gender and official age band.

Pure functions of the people and a seed: each person's place in the order is a hash of their own name, so neither
the rows' order nor the machine decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from data_prep.labels import IntArray, age_band
from errors import OptionError

SPLITS = ("train", "val", "test")
FRACTIONS = (0.70, 0.15, 0.15)


def assign(people: pd.DataFrame, seed: int = 0, fractions: tuple[float, float, float] = FRACTIONS) -> pd.Series:
    """People (index: unique name, str; columns gender, age in years) -> "train", "val" or "test", in their order.

    A stratum of three or more people has at least one in each split of a positive fraction.

    Raises:
        OptionError: fractions that are negative or do not sum to 1.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise OptionError(f"split fractions must be >= 0 and sum to 1, but got {fractions}")
    split = np.empty(len(people), dtype=object)
    for rows in _strata(people, seed):
        split[rows] = np.repeat(SPLITS, _counts(len(rows), fractions))
    return pd.Series(split, index=people.index, name="split")


def folds(people: pd.DataFrame, k: int, seed: int = 0) -> pd.Series:
    """People (as for `assign`) -> fold 0..k-1, in their order; fold sizes differ by at most one person.

    Raises:
        OptionError: k below 2 or above the number of people.
    """
    if not 2 <= k <= len(people):
        raise OptionError(f"folds: 2 <= k <= number of people must hold, but got k={k} of {len(people)} people")
    fold = np.empty(len(people), dtype=np.int64)
    fold[np.concatenate(list(_strata(people, seed)))] = np.arange(len(people)) % k
    return pd.Series(fold, index=people.index, name="fold")


def _strata(people: pd.DataFrame, seed: int) -> Iterator[IntArray]:
    """The row positions of each gender x age band, shuffled by the seed."""
    if not people.index.is_unique:
        raise ValueError("people must be one row a person")
    band = age_band(people["age"].to_numpy(dtype=np.int64))
    rank = np.array([hashlib.sha256(f"{seed}:{person}".encode()).hexdigest() for person in people.index], dtype=object)
    keys = pd.DataFrame({"gender": people["gender"].to_numpy(), "band": band, "rank": rank})
    for _, stratum in keys.groupby(["gender", "band"], sort=True):
        yield stratum.sort_values("rank").index.to_numpy(dtype=np.int64)


def _counts(n: int, fractions: tuple[float, float, float]) -> IntArray:
    """How many of a stratum's `n` people each split gets."""
    counts = np.diff(np.rint(np.cumsum((0, *fractions)) * n)).astype(np.int64)
    wanted = np.asarray(fractions) > 0
    if n >= wanted.sum():
        while (empty := wanted & (counts == 0)).any():
            counts[int(counts.argmax())] -= 1
            counts[int(empty.argmax())] += 1
    return counts
