"""Who trains and who is kept to judge: splits by person, stratified by gender and the store's age bands.

Pure functions of the people and a seed: each person's place in the order is a hash of their own name, so neither
the rows' order nor the machine decides.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.errors import OptionError
from common.wording import counted
from data_prep.labels import SPLITS, IntArray

Name = TypeVar("Name", str, int)

FRACTIONS = (0.70, 0.15, 0.15)
ALONE: Mapping[str, str] = MappingProxyType({})
"""Nobody hangs together with anybody."""


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


def units(groups: Iterable[Sequence[Name]]) -> dict[Name, Name]:
    """Name for each person in `groups` the unit that they are split with: the least name of who hangs together."""
    unit: dict[Name, Name] = {}

    def find(person: Name) -> Name:
        while (above := unit.setdefault(person, person)) != person:
            person = above
        return person

    for people in groups:
        found = {find(person) for person in people}
        unit.update(dict.fromkeys(found, min(found)))
    return {person: find(person) for person in unit}


def assign(
    strata: pd.Series,
    seed: int = 0,
    fractions: tuple[float, float, float] = FRACTIONS,
    unit: Mapping[str, str] = ALONE,
) -> pd.Series:
    """Assign people to "train", "val" or "test", in the order of their strata (index: unique name; sortable keys).

    A stratum of three or more people has at least one in each split of a positive fraction. People of one `unit` are in
    one split, by the stratum of the first of them.

    Raises:
        OptionError: fractions that are negative or do not sum to 1.
    """
    if min(fractions) < 0 or abs(sum(fractions) - 1) > 1e-6:
        raise OptionError(f"split fractions must be >= 0 and sum to 1, but got {fractions}")
    of = _units(strata, unit)
    split = np.empty(len(of), dtype=object)
    for rows in _shuffled(of, seed):
        split[rows] = np.repeat(SPLITS, _counts(len(rows), fractions))
    return _of_people(split, of, strata, unit, "split")


def folds(strata: pd.Series, k: int, seed: int = 0, unit: Mapping[str, str] = ALONE) -> pd.Series:
    """Assign people to folds 0..k-1 by their strata and units (as for `assign`); sizes differ by at most one unit.

    Raises:
        OptionError: k below 2 or above the number of people.
    """
    of = _units(strata, unit)
    if not 2 <= k <= len(of):
        raise OptionError(f"folds: 2 <= k <= number of people must hold, but got k={k} of {counted(len(of), 'person')}")
    fold = np.empty(len(of), dtype=np.int64)
    fold[np.concatenate(list(_shuffled(of, seed)))] = np.arange(len(of)) % k
    return _of_people(fold, of, strata, unit, "fold")


def _units(strata: pd.Series, unit: Mapping[str, str]) -> pd.Series:
    """Give each unit the stratum of the first of its people, by name: index unit, in the people's order."""
    if not strata.index.is_unique:
        raise ValueError("people must be one row a person")
    if not unit:
        return strata
    first: dict[str, str] = {}
    for person in strata.index:
        name = unit.get(person, person)
        first[name] = min(first.get(name, person), person)
    return pd.Series(strata[[*first.values()]].to_numpy(), index=pd.Index([*first], name=strata.index.name))


def _of_people(
    values: npt.NDArray[Any], of: pd.Series, strata: pd.Series, unit: Mapping[str, str], name: str
) -> pd.Series:
    """Give people what their units were given."""
    given = dict(zip(of.index, values.tolist(), strict=True))
    return pd.Series([given[unit.get(person, person)] for person in strata.index], index=strata.index, name=name)


def _shuffled(strata: pd.Series, seed: int) -> Iterator[IntArray]:
    """Yield the row positions of each stratum, shuffled by the seed."""
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
