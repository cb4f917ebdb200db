"""Which labels the out-of-fold predictions contradict, worst first: confident learning (Northcutt, Jiang and Chuang
2021, by cleanlab) on each field's marginal probabilities.

Gender and age belong to a person, whose photos speak together; the mask belongs to a photo. Where a person's
`incorrect` and `none` photos contradict their labels in each other's direction, they were swapped, and rank as a pair.

A face tells a band, not a year: many people near a band's edge are predicted on its other side, whose label is right.
So an age that is contradicted comes last where the networks often see that band in others of about the same age.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from data_prep.labels import MISSING
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence, Probabilities
from data_prep.workers import passing

COLUMNS = (
    "rank", "target", "field", "value", "suggestion", "label", "why", "probability_of_label",
    "probability_of_suggestion", "score", "issue", "photos", "person", "recorded",
)  # fmt: skip

AGE_WIDTH = 2.0
"""Years: standard deviation of the normal weights that say what "about the same" is."""

LEAST = 1e-6
"""The lowest probability that counts as one: a softmax that says 0 would outvote every other photo of a person."""


@dataclass(frozen=True)
class Scoring:
    """How suspicion is measured; `python -m benchmarks.suspects` compares.

    Attributes:
        method, adjust: of cleanlab's label quality score, which orders the rows; adjusted, a class that the networks
            are less sure of must be contradicted more loudly.
        filter: of cleanlab's label issues, which it counts on being wrong.
        logarithms: a person's photos are joined by the mean of log probabilities, not of probabilities.
        rare: a band is surprising where people of about the same recorded age have at most this probability of it.
    """

    method: str = "self_confidence"
    adjust: bool = True
    filter: str = "low_normalized_margin"
    logarithms: bool = True
    rare: float = 0.1


SHIPPED = Scoring()


@dataclass(frozen=True)
class Units:
    """What one field is judged on: photos or people, m of them.

    Attributes:
        names: of the field's K values, as a person reads them.
        table: m rows with target, person, label (code), photos, recorded (the label as the store has it) and years.
        probabilities: float64 [m, K].
    """

    field: str
    names: tuple[str, ...]
    table: pd.DataFrame
    probabilities: Probabilities


def rank(store: Store, evidence: Evidence, scoring: Scoring = SHIPPED) -> pd.DataFrame:
    """Rank the labels that are contradicted, COLUMNS, worst first, but ages that are commonly mistaken last.

    issue: 1 where confident learning counts on the label being wrong, 0 where it may as well be the networks' mistake.
    """
    units = (
        _photos(store, evidence) if factor == "mask" else _people(store, evidence, factor, scoring)
        for factor in passing(store.task.factors, "ranking labels")
    )
    found = [_judged(each, scoring) for each in units]
    table = _paired(pd.concat([pd.DataFrame(columns=[*COLUMNS, "usual"]), *found], ignore_index=True).infer_objects())
    table = table.sort_values(["usual", "score", "person", "target"])
    return table.assign(rank=np.arange(1, len(table) + 1), value="").reset_index(drop=True)[list(COLUMNS)]


def _photos(store: Store, evidence: Evidence) -> Units:
    """Take every judged photo with a mask label."""
    mask = store.codes["mask"]
    known = mask[evidence.rows] != MISSING
    rows = evidence.rows[known]
    table = pd.DataFrame(
        {
            "target": store.index["path"].to_numpy()[rows],
            "person": store.person[rows],
            "label": mask[rows],
            "photos": 1,
            "recorded": store.index["mask"].to_numpy()[rows],
            "years": np.nan,
        }
    )
    return Units("mask", store.task.values("mask"), table, store.task.marginal(evidence.probabilities[known], "mask"))


def _people(store: Store, evidence: Evidence, field: str, scoring: Scoring) -> Units:
    """Take every judged person with a label, once for each one that their photos have.

    Photos are joined by the mean of their logarithms: one that is sure counts for more than one that is not, and two
    photos of one person, which are much alike, are not taken for two witnesses.
    """
    label = store.codes[field]
    known = label[evidence.rows] != MISSING
    rows = evidence.rows[known]
    photos = pd.DataFrame(
        {
            "person": store.person[rows],
            "label": label[rows],
            "recorded": store.index[field].to_numpy()[rows],
            "years": (store.age_min[rows] + store.age_max[rows]) / 2,
        }
    )
    people = photos.groupby(["person", "label"])
    table = people.agg(photos=("recorded", "size"), recorded=("recorded", "first"), years=("years", "mean"))
    table = table.reset_index().assign(target=lambda rows: rows["person"])
    said = store.task.marginal(evidence.probabilities[known], field)
    joined = _joined(said, people.ngroup().to_numpy(), scoring.logarithms)
    return Units(field, store.task.values(field, store.bands), table, joined)


def _joined(probabilities: Probabilities, group: npt.ArrayLike, logarithms: bool) -> Probabilities:
    """Join photos' probabilities [n, K], by the person 0..m-1 of each, to one row a person, [m, K]."""
    said = np.log(np.maximum(probabilities, LEAST)) if logarithms else probabilities
    mean = pd.DataFrame(said).groupby(np.asarray(group)).mean().to_numpy()
    joined = np.exp(mean) if logarithms else mean
    return np.asarray(joined / joined.sum(axis=1, keepdims=True))


def _judged(units: Units, scoring: Scoring) -> pd.DataFrame:
    """Find the units whose label is contradicted: COLUMNS bar rank and value; usual: 1 where their age explains it."""
    from cleanlab.filter import find_label_issues  # 5 s, most of it scikit-learn: not before it is needed
    from cleanlab.rank import get_label_quality_scores

    present, labels = np.unique(units.table["label"].to_numpy(dtype=np.int64), return_inverse=True)
    if len(present) < 2:  # nobody to be mistaken for
        return pd.DataFrame()
    said = units.probabilities[:, present] / units.probabilities[:, present].sum(axis=1, keepdims=True)
    every, names = np.arange(len(labels)), np.array(units.names, dtype=object)[present]
    suggested = np.where(np.arange(len(present)) == labels[:, None], -1, said).argmax(axis=1)
    usual = np.zeros(len(labels), dtype=bool)
    if units.field == "age":
        usual = _at_that_age(units.table["years"].to_numpy(), said)[every, suggested] > scoring.rare
    issue = find_label_issues(labels, said, filter_by=scoring.filter, n_jobs=1) & ~usual
    judged = units.table.assign(
        field=units.field,
        label=names[labels],
        suggestion=names[suggested],
        probability_of_label=said[every, labels],
        probability_of_suggestion=said[every, suggested],
        score=get_label_quality_scores(labels, said, method=scoring.method, adjust_pred_probs=scoring.adjust),
        issue=issue.astype(np.int64),
        usual=usual.astype(np.int64),
    )[said[every, suggested] > said[every, labels]]
    return judged.assign(why=[_why(row) for row in judged.itertuples()])


def _at_that_age(years: npt.NDArray[np.float64], probabilities: Probabilities) -> Probabilities:
    """Give what the others of about the same recorded age are predicted to be, [m, K]; 1 where there are none."""
    distinct, place = np.unique(years, return_inverse=True)
    weights = np.exp(-(((distinct[:, None] - distinct[None, :]) / AGE_WIDTH) ** 2) / 2)
    sums = weights @ np.stack([np.bincount(place, column, len(distinct)) for column in probabilities.T], axis=1)
    others = (weights @ np.bincount(place))[place, None] - 1
    return np.asarray(np.where(others > 1e-9, (sums[place] - probabilities) / np.maximum(others, 1e-9), 1))


def _why(row: Any) -> str:
    over = f" over {row.photos} photos" if row.photos > 1 else ""
    but = "; common at this age" if row.usual else ""
    return f"out-of-fold: {row.suggestion} {row.probability_of_suggestion:.2f}{over}{but}"


def _paired(table: pd.DataFrame) -> pd.DataFrame:
    """Pair photos that were swapped: both get the product of their scores, as two weak witnesses make a strong one."""
    table = table.copy()
    masks = table[table["field"] == "mask"]
    one_way = masks[(masks["label"] == "incorrect") & (masks["suggestion"] == "none")]
    other_way = masks[(masks["label"] == "none") & (masks["suggestion"] == "incorrect")]
    for person in set(one_way["person"]) & set(other_way["person"]):
        pair = [*one_way.index[one_way["person"] == person], *other_way.index[other_way["person"] == person]]
        table.loc[pair, "score"] = table.loc[pair, "score"].prod()
        table.loc[pair, "issue"] = table.loc[pair, "issue"].max()
        table.loc[pair, "why"] += "; swapped with another photo of this person"
    return table
