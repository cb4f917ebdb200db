"""Who trains and who is kept to judge: splits by person, stratified by gender and the store's age bands.

Pure functions of the people and a seed: each person's place in the order is a hash of their own name, so neither
the rows' order nor the machine decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.errors import OptionError
from data_prep.labels import IntArray

SPLITS = ("train", "val", "test")
FRACTIONS = (0.70, 0.15, 0.15)


def strata(person: npt.ArrayLike, mask: npt.ArrayLike, gender: npt.ArrayLike, band: npt.ArrayLike) -> pd.Series:
    """Give each person a stratum, by labels of photos (codes or MISSING, [photos]): index person, stratum (str).

    A stratum is gender x age band; people of a single photo are told apart by its mask state too.
    """
    names = np.asarray(person, dtype=object)
    codes = np.stack([np.asarray(values, dtype=np.int64) for values in (gender, band, mask)], axis=1) + 1
    _, first, photos = np.unique(names, return_index=True, return_counts=True)
    codes[first, 2] *= photos == 1
    first.sort()
    keys = ["/".join(map(str, row)) for row in codes[first]]
    return pd.Series(keys, index=pd.Index(names[first], name="person"), name="stratum", dtype=object)


def assign(strata: pd.Series, seed: int = 0, fractions: tuple[float, float, float] = FRACTIONS) -> pd.Series:
    """Assign people to "train", "val" or "test", in the order of their strata (index: unique name; sortable keys).

    A stratum of three or more people has at least one in each split of a positive fraction.

    Raises:
        OptionError: fractions that are negative or do not sum to 1.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise OptionError(f"split fractions must be >= 0 and sum to 1, but got {fractions}")
    split = np.empty(len(strata), dtype=object)
    for rows in _shuffled(strata, seed):
        split[rows] = np.repeat(SPLITS, _counts(len(rows), fractions))
    return pd.Series(split, index=strata.index, name="split")


def folds(strata: pd.Series, k: int, seed: int = 0) -> pd.Series:
    """Assign people to folds 0..k-1 by their strata (as for `assign`); sizes differ by at most one person.

    Raises:
        OptionError: k below 2 or above the number of people.
    """
    if not 2 <= k <= len(strata):
        raise OptionError(f"folds: 2 <= k <= number of people must hold, but got k={k} of {len(strata)} people")
    fold = np.empty(len(strata), dtype=np.int64)
    fold[np.concatenate(list(_shuffled(strata, seed)))] = np.arange(len(strata)) % k
    return pd.Series(fold, index=strata.index, name="fold")


def _shuffled(strata: pd.Series, seed: int) -> Iterator[IntArray]:
    """Yield the row positions of each stratum, shuffled by the seed."""
    if not strata.index.is_unique:
        raise ValueError("people must be one row a person")
    rank = [hashlib.sha256(f"{seed}:{person}".encode()).hexdigest() for person in strata.index]
    keys = pd.DataFrame({"stratum": strata.to_numpy(), "rank": rank})
    for _, rows in keys.groupby("stratum", sort=True):
        yield rows.sort_values("rank").index.to_numpy(dtype=np.int64)


def _counts(n: int, fractions: tuple[float, float, float]) -> IntArray:
    """Count how many of a stratum's `n` people each split gets."""
    counts = np.diff(np.rint(np.cumsum((0, *fractions)) * n)).astype(np.int64)
    wanted = np.asarray(fractions) > 0
    if n >= wanted.sum():
        while (empty := wanted & (counts == 0)).any():
            counts[int(counts.argmax())] -= 1
            counts[int(empty.argmax())] += 1
    return counts
