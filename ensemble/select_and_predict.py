"""Finished trials -> an ensemble -> predictions.

    python -m ensemble.select_and_predict                                     the newest search under runs/
    python -m ensemble.select_and_predict --search runs/NAME --members 4 --tta 5
    python -m ensemble.select_and_predict --photos DIR --out predictions.csv  photos of your own

Members are chosen on val, from the predictions that trials left there. Then test is opened (people on whom nothing
was tuned) and the store's eval photos are predicted. With --photos, those are predicted and test stays closed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.command_line import Parser, exit_code, positive
from common.errors import EnsembleError
from common.files import write_json, write_text
from common.search_folder import ENSEMBLE
from common.uris import is_uri, location
from data_prep.store.store import Store
from ensemble import search_folder
from ensemble.ensemble import Ensemble
from ensemble.selection import candidates, choose
from ensemble.tta import views
from trainable.predict import Probabilities
from trainable.recipe.metrics import macro_f1, macro_f1_interval


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    runs = options.runs
    where = options.search or (search_folder.newest_at(runs) if is_uri(runs) else search_folder.newest(runs))
    search = search_folder.local(where)
    store = search_folder.open_store(search)
    found = candidates(search, store)
    chosen = choose(found, store.classes()[store.labelled("val")], options.members)
    print(f"{where}: {len(chosen)} of {len(found)} trials vote: {', '.join(member.name for member in chosen)}")
    ensemble = Ensemble.of(chosen, store, options.tta)
    if options.photos:
        made = [_predict_folder(options, search, store, ensemble)]
    else:
        made = [_open_test(options, search, store, ensemble), search / ENSEMBLE]
    for file in filter(None, made):
        search_folder.keep(where, file)
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m ensemble.select_and_predict",
        description="Choose an ensemble from a search on val, score it on test, and predict by soft voting.",
    )
    result.add_argument(
        "--search", metavar="DIR", type=location, help="a search folder, or address (default: the newest under --runs)"
    )
    result.add_argument("--runs", metavar="DIR", type=location, default=Path("runs"), help="where searches are kept")
    result.add_argument("--members", metavar="N", type=positive, default=4, help="at most this many trials vote (4)")
    result.add_argument(
        "--tta", metavar="N", type=positive, default=5, help="views of each photo, the plain one first (5)"
    )
    result.add_argument("--photos", metavar="DIR", type=Path, help="predict these photos; test stays closed")
    result.add_argument(
        "--out", metavar="FILE", type=Path, help="the predictions (default: predictions.csv beside the search)"
    )
    return result


@dataclass(frozen=True)
class Score:
    """Macro F1 with its 95% interval over people."""

    f1: float
    low: float
    high: float

    @classmethod
    def of(cls, probabilities: Probabilities, store: Store, rows: np.ndarray) -> Score:
        truth, predicted = store.classes()[rows], probabilities.argmax(axis=1)
        return cls(macro_f1(truth, predicted), *macro_f1_interval(truth, predicted, store.person[rows]))

    def __str__(self) -> str:
        return f"{self.f1:.3f}  {self.low:.3f} to {self.high:.3f}"


def _open_test(options: argparse.Namespace, search: Path, store: Store, ensemble: Ensemble) -> Path | None:
    test, unlabelled = store.labelled("test"), store.rows("eval")
    votes = ensemble.predict_rows(np.concatenate([test, unlabelled]))
    on_test = _score_test(search, store, ensemble, test, votes[: len(test)])
    out = _write_predictions(options, search, store.index["path"].to_numpy()[unlabelled], votes[len(test) :])
    write_json(search / ENSEMBLE, _about(store, ensemble, on_test, out))
    return out


def _score_test(
    search: Path, store: Store, ensemble: Ensemble, test: np.ndarray, votes: Probabilities
) -> dict[str, Any] | None:
    """Print what the votes on the labelled test photos are worth; as ensemble.json keeps it, None without any."""
    if len(test) == 0:
        print("The store has no test photos with all three labels, so nothing says how the vote does on new people.")
        return None
    single = Score.of(ensemble.members[0].predict_rows(test, views(1)), store, test)
    voted = Score.of(votes, store, test)
    _warn_if_opened_before(search)
    _print_scores(ensemble, single, voted, len(np.unique(store.person[test])))
    return {"photos": len(test), "best_single": vars(single), "ensemble": vars(voted)}


def _predict_folder(options: argparse.Namespace, search: Path, store: Store, ensemble: Ensemble) -> Path | None:
    from data_prep.prepare.like import prepare_like  # imports rembg, which only new photos need

    names, photos = prepare_like(store, options.photos, progress=True)
    return _write_predictions(options, search, names, ensemble.predict_photos(photos))


def _print_scores(ensemble: Ensemble, single: Score, voted: Score, people: int) -> None:
    on_val, count = ensemble.on_val, len(ensemble.views)
    if "vote_with_tta" in on_val:
        used = "used" if count > 1 else "the plain one is used"
        print(f"On val the vote scores {on_val['vote']:.3f}, with several views {on_val['vote_with_tta']:.3f}: {used}")
    best = f"best single trial, {ensemble.chosen[0].name}"
    name = f"ensemble of {len(ensemble.members)}, {count} view{'s' if count > 1 else ''}"
    print(f"\nMacro F1 over 18 classes            val    test   95% interval over {people} test people")
    print(f"  {best:<32}  {on_val['best_single']:.3f}  {single}")
    print(f"  {name:<32}  {ensemble.val_f1:.3f}  {voted}\n")


def _write_predictions(
    options: argparse.Namespace, search: Path, names: Sequence[str] | np.ndarray, probabilities: Probabilities
) -> Path | None:
    """Write predictions.csv: ImageID,ans, the photo's name and its class 0..17."""
    if len(names) == 0:
        print("The store has no eval photos to predict; --photos DIR predicts others.")
        return None
    out = options.out or search / "predictions.csv"
    if not out.absolute().parent.is_dir():
        raise EnsembleError(f"--out {out}: the folder {out.absolute().parent} does not exist; make it first")
    table = pd.DataFrame({"ImageID": names, "ans": probabilities.argmax(axis=1)})
    write_text(out, table.to_csv(index=False))
    print(f"{len(table)} photos predicted: {out}")
    return Path(out)


def _warn_if_opened_before(search: Path) -> None:
    if (search / ENSEMBLE).exists():
        print("Test was opened before for this search: choose on val, or test stops being a test.")


def _about(store: Store, ensemble: Ensemble, on_test: dict[str, Any] | None, out: Path | None) -> dict[str, Any]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "store_hash": store.hash,
        "members": [{"trial": member.name, "val_f1": member.val_f1} for member in ensemble.chosen],
        "views": [vars(view) for view in ensemble.views],
        "val": ensemble.on_val,
        "test": on_test,
        "predictions": out and str(out),
    }


if __name__ == "__main__":
    sys.exit(exit_code(main))
