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

import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since pandas and torch take seconds: neither --help nor a mistyped option should wait.
    from benchmarks.suspects import tables
    from benchmarks.suspects import truth as suspects_truth
    from data_prep.suspects.evidence import gather, open_store
    from data_prep.suspects.ranking import rank

    store = open_store(options.search)
    evidence = gather(options.search, store)
    photos = suspects_truth.photos(options.sample, store)
    truth = suspects_truth.people(photos, evidence)
    if options.variants or options.planted:
        planted = list(suspects_truth.plant(store, photos, evidence, options.planted or 0))
        print(tables.variants(planted or [(store, truth)], evidence, len(planted)).markdown())
        return 0
    ranked = rank(store, evidence)
    rankings = {kind: suspects_truth.ranking(ranked, truth, kind) for kind in tables.MISLABELLED}
    print(tables.depths(rankings, evidence).markdown())
    print(tables.mislabelled(ranked, truth, rankings).markdown())
    return 0


def parser() -> Parser:
    result = Parser(prog="python -m benchmarks.suspects", description=__doc__)
    add = result.add_argument
    add("--search", type=Path, required=True, metavar="DIR", help="a search on the sample, best one confirmed on folds")
    add("--sample", type=Path, required=True, metavar="DIR", help="the drawn sample, which holds truth.csv")
    add("--variants", action="store_true", help="compare ways of scoring, instead of showing the shipped one's list")
    add("--planted", type=positive, metavar="R", help="compare them on R random sets of planted wrong labels")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
