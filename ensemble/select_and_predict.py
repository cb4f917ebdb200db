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
from rich.progress import track

from data_prep.store import Store
from ensemble import search_folder
from ensemble.member import Member
from ensemble.selection import Candidate, candidates, choose, vote_f1
from ensemble.tta import views
from ensemble.vote import Probabilities, soft_vote
from errors import EnsembleError, exit_code
from files import ENSEMBLE, write_json, write_text
from trainable import device
from trainable.augment import View
from trainable.metrics import macro_f1, macro_f1_interval


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    search = options.search or search_folder.newest(options.runs)
    store = search_folder.open_store(search)
    found = candidates(search, store)
    chosen = choose(found, store.classes()[store.rows("val")], options.members)
    print(f"{search}: {len(chosen)} of {len(found)} trials vote: {', '.join(member.name for member in chosen)}")
    members = [Member.load(member.folder, store, device.choose()) for member in chosen]
    if options.photos:
        return _predict_folder(options, search, store, members)
    return _open_test(options, search, store, chosen, members)


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="python -m ensemble.select_and_predict",
        description="Choose an ensemble from a search on val, score it on test, and predict by soft voting.",
    )
    result.add_argument("--search", metavar="DIR", type=Path, help="a search folder (default: the newest under --runs)")
    result.add_argument("--runs", metavar="DIR", type=Path, default=Path("runs"), help="where searches are kept")
    result.add_argument("--members", metavar="N", type=_positive, default=4, help="at most this many trials vote (4)")
    result.add_argument(
        "--tta", metavar="N", type=_positive, default=5, help="views of each photo, the plain one first (5)"
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
        return f"{self.f1:.3f}  ({self.low:.3f} to {self.high:.3f})"


def _open_test(
    options: argparse.Namespace, search: Path, store: Store, chosen: list[Candidate], members: list[Member]
) -> int:
    val, test, unlabelled = (store.rows(split) for split in ("val", "test", "eval"))
    looks = views(options.tta)
    votes = _vote(members, np.concatenate([val, test, unlabelled]), looks)
    on_val, on_test, on_eval = np.split(votes, [len(val), len(val) + len(test)])
    single = Score.of(members[0].predict_rows(test, [View()]), store, test)
    voted = Score.of(on_test, store, test)
    truth = store.classes()[val]
    scores = {
        "val": {
            "best_single": chosen[0].val_f1,
            "vote": vote_f1(chosen, truth),
            "vote_with_tta": macro_f1(truth, on_val.argmax(axis=1)),
        },
        "test": {"best_single": vars(single), "vote_with_tta": vars(voted), "photos": len(test)},
    }
    _warn_if_opened_before(search)
    _print_scores(scores, chosen, single, voted, len(looks), len(np.unique(store.person[test])))
    out = _write_predictions(options, search, store.index["path"].to_numpy()[unlabelled], on_eval)
    write_json(search / ENSEMBLE, _about(store, chosen, looks, scores, out))
    return 0


def _predict_folder(options: argparse.Namespace, search: Path, store: Store, members: list[Member]) -> int:
    from data_prep.prepare import prepare_like  # imports rembg, which only new photos need

    names, photos = prepare_like(store, options.photos)
    looks = views(options.tta)
    voted = soft_vote([member.predict_photos(photos, looks) for member in _shown(members)])
    _write_predictions(options, search, names, voted)
    return 0


def _vote(members: list[Member], rows: np.ndarray, looks: Sequence[View]) -> Probabilities:
    return soft_vote([member.predict_rows(rows, looks) for member in _shown(members)])


def _shown(members: list[Member]) -> Any:
    return track(members, description="Predicting", transient=True)


def _print_scores(
    scores: dict[str, Any], chosen: list[Candidate], single: Score, voted: Score, looks: int, people: int
) -> None:
    val = scores["val"]
    ensemble = f"ensemble of {len(chosen)}, {looks} views"
    print(f"\nMacro F1 over 18 classes                 val    test  (95% interval over {people} test people)")
    print(f"  {f'best single trial, {chosen[0].name}':<36} {val['best_single']:.3f}  {single}")
    print(f"  {ensemble:<36} {val['vote_with_tta']:.3f}  {voted}\n")


def _write_predictions(
    options: argparse.Namespace, search: Path, names: Sequence[str] | np.ndarray, probabilities: Probabilities
) -> Path | None:
    """ImageID,ans: the photo's name and its class 0..17."""
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


def _about(
    store: Store, chosen: list[Candidate], looks: Sequence[View], scores: dict[str, Any], out: Path | None
) -> dict[str, Any]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "store_hash": store.hash,
        "members": [{"trial": member.name, "val_f1": member.val_f1} for member in chosen],
        "views": [vars(view) for view in looks],
        "macro_f1": scores,
        "predictions": out and str(out),
    }


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"a whole number of at least 1 is needed, but got {text}")
    return value


if __name__ == "__main__":
    sys.exit(exit_code(main))
