"""Finished trials -> an ensemble -> predictions.

    python -m ensemble.select_and_predict                                     the newest search under runs/
    python -m ensemble.select_and_predict --search runs/NAME --members 4 --tta 5
    python -m ensemble.select_and_predict --photos DIR --out predictions.csv  photos of your own

Members are chosen on val, from the predictions that trials left there. Then test is opened (people on whom nothing
was tuned) and the store's eval photos are predicted. With --photos, those are predicted and test stays closed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.search_folder import ENSEMBLE
from common.security import terminal
from common.uris import is_uri, location


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since torch and pandas take seconds: neither --help nor a mistyped option should wait.
    from ensemble import search_folder
    from ensemble.predictions.outcome import open_test, predict_folder
    from ensemble.selection.candidates import candidates
    from ensemble.selection.choice import Choice
    from ensemble.selection.greedy import choose

    if options.photos:
        from data_prep.prepare.like import new_photos  # imports rembg, which only new photos need

        options.photos = new_photos(options.photos)  # an empty folder is refused before anything is loaded
    runs = options.runs
    where = options.search or (search_folder.newest_at(runs) if is_uri(runs) else search_folder.newest(runs))
    search = search_folder.local(where)
    out = options.out or search / _predictions(options.photos)
    search_folder.check_can_keep(search, out, opens_test=options.photos is None)
    store = search_folder.open_store(search, options.data)
    found = candidates([search], store)
    chosen = choose(found, store.classes()[store.labelled("val")], options.members)
    terminal.say(f"{where}: {len(chosen)} of {len(found)} trials vote: {', '.join(member.name for member in chosen)}")
    choice = Choice.of(chosen, store, options.tta)
    if options.photos:
        made = [predict_folder(options.photos, store, choice.ensemble, out)]
    else:
        made = [open_test(search, store, choice, out), search / ENSEMBLE]
    for file in filter(None, made):
        search_folder.keep(where, file)
    return 0


def _predictions(photos: Path | None) -> str:
    """Name the file of predictions: those of the store's eval photos are not written over by those of others."""
    return f"predictions-{photos.resolve().name}.csv" if photos else "predictions.csv"


def parser() -> Parser:
    result = Parser(
        prog="python -m ensemble.select_and_predict",
        description="Choose an ensemble from a search on val, score it on test, and predict by soft voting.",
    )
    result.add_argument(
        "--search", metavar="DIR", type=location, help="a search folder, or address (default: the newest under --runs)"
    )
    result.add_argument("--runs", metavar="DIR", type=location, default=Path("runs"), help="where searches are kept")
    result.add_argument("--data", metavar="STORE", help="where the search's store is now, if it has moved")
    result.add_argument("--members", metavar="N", type=positive, default=4, help="at most this many trials vote (4)")
    result.add_argument(
        "--tta", metavar="N", type=positive, default=5, help="views of each photo, the plain one first (5)"
    )
    result.add_argument(
        "--photos", metavar="DIR", type=Path, help="predict these photos, or this one; test stays closed"
    )
    result.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="the predictions (default: in the search's folder, predictions.csv, or "
        "predictions-DIR.csv of --photos DIR)",
    )
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
