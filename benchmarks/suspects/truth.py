"""Who is truly mislabelled, in the drawn sample or by a planted label, and how far up a list has them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from common.errors import LabelError
from data_prep.labels import age_band
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence

KINDS = {"any": ("gender", "mask", "age"), "gender": ("gender",), "mask swap": ("mask",), "age": ("age",)}
"""What is asked for -> the fields whose rows and whose wrong labels count."""

PLANTED = 0.0075
"""The share of people whose label is wrong, in each of gender, mask and age: as many as the sample has in each of the
first two."""

SWAP = {"incorrect": "none", "none": "incorrect", "male": "female", "female": "male"}


@dataclass(frozen=True)
class Ranking:
    """People in an order, and who of them is truly mislabelled.

    Attributes:
        people: those listed, worst first.
        wrong: the mislabelled among everybody judged.
        judged: how many that is.
    """

    people: list[str]
    wrong: frozenset[str]
    judged: int

    def hits(self, k: int) -> int:
        return len(self.wrong & set(self.people[:k]))

    def chance(self, k: int) -> float:
        """Find the chance of at least as many hits in a random order."""
        return chance(self.hits(k), min(k, self.judged), len(self.wrong), self.judged)

    def places(self) -> list[int | None]:
        """Find each mislabelled person's place in the list, from 1, in the order of their names; None: not listed."""
        place = {person: number for number, person in enumerate(self.people, start=1)}
        return [place.get(person) for person in sorted(self.wrong)]

    def average_precision(self) -> float:
        """Mean over the mislabelled of the precision at their place, 0 for one not listed; NaN if there are none."""
        found = sorted(place for place in self.places() if place is not None)
        precisions = [number / place for number, place in enumerate(found, start=1)]
        return sum(precisions) / len(self.wrong) if self.wrong else math.nan


def chance(hits: int, drawn: int, marked: int, total: int) -> float:
    """P(at least `hits` of the `marked` are among `drawn` of `total`), hypergeometric."""
    ways = range(hits, min(drawn, marked) + 1)
    return sum(math.comb(marked, n) * math.comb(total - marked, drawn - n) for n in ways) / math.comb(total, drawn)


def ranking(ranked: pd.DataFrame, truth: pd.DataFrame, kind: str) -> Ranking:
    """People by the first of their rows that count for a kind."""
    rows = ranked[ranked["field"].isin(KINDS[kind])]
    wrong = frozenset(truth.index[truth["wrong"].isin(KINDS[kind])])
    return Ranking(rows["person"].drop_duplicates().tolist(), wrong, len(truth))


def photos(sample: Path, store: Store) -> pd.DataFrame:
    """truth.csv for the store's photos, in their order, with their `person`.

    Raises:
        LabelError: there is none, or one of other photos than the store's.
    """
    file = sample / "truth.csv"
    columns = ["mask", "gender", "age", "recorded_mask", "recorded_gender", "clothing_betrays"]
    try:
        truth = pd.read_csv(file).set_index("path")[columns].loc[store.index["path"].to_numpy()]
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:120]
        raise LabelError(f"{file} is not the truth about {store.path} ({reason}); name that sample's folder") from None
    return truth.assign(person=store.person)


def people(truth: pd.DataFrame, evidence: Evidence) -> pd.DataFrame:
    """One row a judged person, index person: wrong ("", "gender" or "mask") and betrays (0 or 1)."""
    judged = truth.iloc[evidence.rows]
    wrong = {field: judged[field] != judged[f"recorded_{field}"] for field in ("mask", "gender")}
    table = pd.DataFrame({**wrong, "betrays": judged["clothing_betrays"]}).groupby(judged["person"]).max()
    table["wrong"] = np.select([table["mask"], table["gender"]], ["mask", "gender"], "")
    return table[["wrong", "betrays"]]


def plant(store: Store, truth: pd.DataFrame, evidence: Evidence, repeats: int) -> Iterator[tuple[Store, pd.DataFrame]]:
    """Stores of true labels with wrong ones planted at random, and who has which (as `people`).

    The predictions stay what they were: a person's own label never reached the network that judges them. (That of
    others would have; and where clothing gives a class away, it now gives the true one away.)
    """
    right = store.index.assign(mask=truth["mask"].to_numpy(), gender=truth["gender"].to_numpy())
    judged = np.unique(store.person[evidence.rows])
    count = max(1, round(PLANTED * len(judged)))
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        wrong = pd.Series("", index=judged)
        wrong[rng.choice(judged, 3 * count, replace=False)] = np.repeat(["gender", "mask", "age"], count)
        index = _mislabelled(right, wrong, rng)
        yield Store(store.path, store.meta, index, []), pd.DataFrame({"wrong": wrong, "betrays": 0})


def _mislabelled(right: pd.DataFrame, wrong: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """The index with the other gender, swapped photos, or the age of somebody in another band."""
    index = right.copy()
    ages = right.drop_duplicates("person").set_index("person")["age"].loc[wrong.index].astype(int)
    of = index["person"].map(wrong)
    for field in ("gender", "mask"):
        index.loc[of == field, field] = index.loc[of == field, field].replace(SWAP)
    for person in wrong.index[wrong == "age"]:
        others = ages[age_band(ages) != age_band(ages[person])]
        index.loc[index["person"] == person, "age"] = str(rng.choice(others))
    return index
