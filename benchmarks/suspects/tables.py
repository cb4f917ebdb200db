"""What is told of a list of suspects whose truth is known: who is where in it, and how other scorings would do."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from benchmarks.measure import Table
from benchmarks.suspects.truth import KINDS, Ranking, ranking
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence
from data_prep.suspects.ranking import SHIPPED, Scoring, rank

DEPTHS = (5, 10, 20)
MISLABELLED = ("any", "gender", "mask swap")
"""What the sample has; no recorded age of it is wrong."""


def depths(rankings: dict[str, Ranking], evidence: Evidence) -> Table:
    rows = []
    for kind, each in rankings.items():
        for k in sorted({*DEPTHS, len(each.wrong)} - {0}):
            hits, n = each.hits(k), max(1, len(each.wrong))
            rows.append(
                [kind, len(each.wrong), k, hits, hits / k, hits / n, len(each.wrong) / each.judged, each.chance(k)]
            )
    columns = ["mislabelled in", "of them judged", "k", "hits", "precision", "recall", "precision by chance", "chance"]
    facts = {
        "people": rankings["any"].judged,
        "photos": len(evidence.rows),
        "networks": len(evidence.scores),
        "folds": evidence.folds,
        "still training": "yes" if evidence.running else "no",
    }
    return Table("Mislabelled people among the first k", facts, columns, rows)


def mislabelled(ranked: pd.DataFrame, truth: pd.DataFrame, rankings: dict[str, Ranking]) -> Table:
    """Every judged person who is mislabelled, by their place among all people."""
    rows = []
    places = dict(zip(sorted(rankings["any"].wrong), rankings["any"].places(), strict=True))
    for person, about in truth[truth["wrong"] != ""].iterrows():
        own = ranked[(ranked["person"] == person) & (ranked["field"] == about["wrong"])]
        issue, likely = (
            ("yes" if own["issue"].any() else "no", own["probability_of_label"].min()) if len(own) else ("no", None)
        )
        rows.append([str(person), about["wrong"], about["betrays"], places[str(person)], issue, likely])
    columns = ["person", "wrong", "clothing betrays", "place among people", "issue", "probability of the label"]
    listed = ranked["person"].nunique()
    return Table("Where the mislabelled are", {"listed": f"{len(ranked)} rows of {listed} people"}, columns, rows)


def variants(cases: Sequence[tuple[Store, pd.DataFrame]], evidence: Evidence, planted: int) -> Table:
    """Means over the cases, each a store and who is mislabelled in it."""
    rows = []
    for name, scoring in _scorings():
        found = [_measured(rank(store, evidence, scoring), truth) for store, truth in cases]
        rows.append([name, *np.mean(found, axis=0).tolist()])
    columns = ["scoring", *(f"AP, {kind}" for kind in KINDS), "precision in the first N", "issues", "of them right"]
    facts = {"people": len(cases[0][1]), "N": int((cases[0][1]["wrong"] != "").sum()), "planted, repeats": planted}
    return Table("Ways of scoring", facts, columns, rows)


def _measured(ranked: pd.DataFrame, truth: pd.DataFrame) -> list[float]:
    found = {kind: ranking(ranked, truth, kind) for kind in KINDS}
    every = found["any"]
    issues = ranked[ranked["issue"] == 1]
    right = issues["field"] == issues["person"].map(truth["wrong"])
    precision = every.hits(len(every.wrong)) / max(1, len(every.wrong))
    return [*(each.average_precision() for each in found.values()), precision, len(issues), int(right.sum())]


def _scorings() -> Iterator[tuple[str, Scoring]]:
    """The shipped one, then what else there is, one change at a time."""
    yield "shipped", SHIPPED
    changes = {
        "method": ("self_confidence", "normalized_margin"),
        "adjust": (True, False),
        "filter": (
            "prune_by_noise_rate", "prune_by_class", "both", "confident_learning", "predicted_neq_given",
            "low_normalized_margin",
        ),
        "logarithms": (True, False),
        "rare": (0.02, 0.05, 0.1, 0.2, 1.0),
    }  # fmt: skip
    for name, value in itertools.chain.from_iterable(((n, v) for v in vs) for n, vs in changes.items()):
        if value != getattr(SHIPPED, name):
            yield f"{name} {value}", dataclasses.replace(SHIPPED, **{name: value})
