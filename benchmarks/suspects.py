"""Does `data_prep.suspects` find the labels that are wrong? Of the drawn sample the truth is known.

    python -m data_prep.sample --people 800 --out data/sample800
    python -m data_prep --images data/sample800/train/images --labels data/sample800/train/train.csv \\
        --background sample --size 96x72 --out data/store800
    python tune_main.py --space age_bands --data data/store800 --arch resnet18 --weights none --epochs 8 --trials 1 \\
        --cpus-per-trial 1 --name oof --confirm 1 --folds 4
    python -m benchmarks.suspects --search runs/oof --sample data/sample800
    python -m benchmarks.suspects --search runs/oof --sample data/sample800 --variants
    python -m benchmarks.suspects --search runs/oof --sample data/sample800 --planted 50

Nothing is trained by the last three. A person is ranked by the worst of their rows in the list, or of those of one
kind; people who are not in it come after all who are. Wrong in the sample are 1.5% of the people: half in gender, half
have the `normal` and `incorrect_mask` photos swapped. In its train people the colour of the clothing gives the
*recorded* class away, so that networks that learn clothing defend wrong labels: a table says whose.

Precision is the share of the first k people who are mislabelled, recall the share of the mislabelled who are among the
first k; in random order the precision would be the share of all. `chance` is the probability that a random order has as
many or more in its first k (hypergeometric, exact). AP is the average precision of a list of people.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks import suspects_truth
from benchmarks.measure import Table
from benchmarks.suspects_truth import KINDS, Ranking, ranking
from common.command_line import Parser, exit_code, positive
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence, gather, open_store
from data_prep.suspects.ranking import SHIPPED, Scoring, rank

DEPTHS = (5, 10, 20)
MISLABELLED = ("any", "gender", "mask swap")
"""What the sample has; no recorded age of it is wrong."""


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    store = open_store(options.search)
    evidence = gather(options.search, store)
    photos = suspects_truth.photos(options.sample, store)
    truth = suspects_truth.people(photos, evidence)
    if options.variants or options.planted:
        planted = list(suspects_truth.plant(store, photos, evidence, options.planted or 0))
        print(_variants(planted or [(store, truth)], evidence, len(planted)).markdown())
        return 0
    ranked = rank(store, evidence)
    rankings = {kind: ranking(ranked, truth, kind) for kind in MISLABELLED}
    print(_depths(rankings, evidence).markdown())
    print(_mislabelled(ranked, truth, rankings).markdown())
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m benchmarks.suspects", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = result.add_argument
    add("--search", type=Path, required=True, metavar="DIR", help="a search on the sample, best one confirmed on folds")
    add("--sample", type=Path, required=True, metavar="DIR", help="the drawn sample, which holds truth.csv")
    add("--variants", action="store_true", help="compare ways of scoring, instead of showing the shipped one's list")
    add("--planted", type=positive, metavar="R", help="compare them on R random sets of planted wrong labels")
    return result


def _depths(rankings: dict[str, Ranking], evidence: Evidence) -> Table:
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


def _mislabelled(ranked: pd.DataFrame, truth: pd.DataFrame, rankings: dict[str, Ranking]) -> Table:
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


def _variants(cases: Sequence[tuple[Store, pd.DataFrame]], evidence: Evidence, planted: int) -> Table:
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


if __name__ == "__main__":
    sys.exit(exit_code(main))
