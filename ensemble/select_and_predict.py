"""Finished trials -> an ensemble -> predictions.

    python -m ensemble.select_and_predict                                     the newest search under runs/
    python -m ensemble.select_and_predict --search runs/NAME --members 4 --tta 5
    python -m ensemble.select_and_predict --photos DIR                        photos of your own, or a CSV of paths

Members are chosen on val, from the predictions that trials left there. Then test is opened (people on whom nothing
was tuned) and the store's eval photos are predicted. With --photos, those are predicted and test stays closed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.security import terminal
from common.uris import is_uri, location
from ensemble.predictions.options import add_options


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    # Imported only now, since torch and pandas take seconds: neither --help nor a mistyped option should wait.
    from data_prep.prepare.new_photos import new_photos

    # An empty folder is refused before anything else is loaded.
    photos = new_photos(options.photos, options.images) if options.photos else None
    from data_prep.prepare.like import Treatment
    from ensemble import search_folder
    from ensemble.predictions.outcome import open_test
    from ensemble.predictions.predicting import predict_photos
    from ensemble.predictions.predictor import Meaning, Predictor
    from ensemble.predictions.sources import FilesSource, StoreSource
    from ensemble.predictions.tables import Outputs
    from ensemble.predictions.workforce import Workforce
    from ensemble.selection.choice import Choice
    from ensemble.selection.greedy import candidates, choose

    runs = options.runs
    where = options.search or (search_folder.newest_at(runs) if is_uri(runs) else search_folder.newest(runs))
    search = search_folder.local(where)
    out = options.out or search / (f"predictions-{photos.title}.csv" if photos else "predictions.csv")
    search_folder.check_can_keep(search, out, opens_test=photos is None)
    store = search_folder.open_store(search, options.data)
    meaning = Meaning(store.task, store.bands)
    outputs = Outputs.of(out, meaning, options.probabilities)
    outputs.check_spares(search, photos)
    fallback = None if options.fallback is None else meaning.class_of("--fallback", options.fallback)
    found = candidates(search, store)
    chosen = choose(found, store.classes()[store.labelled("val")], options.members)
    terminal.say(f"{where}: {len(chosen)} of {len(found)} trials vote: {', '.join(member.name for member in chosen)}")
    choice = Choice.of(chosen, store, options.tta)
    source = FilesSource(photos, Treatment.of_store(store)) if photos else StoreSource(store)
    made = [] if photos else [open_test(search, store, choice, out if source.names else None)]
    if source.names:
        predictor, workforce = Predictor.of_choice(choice, store), Workforce(options.workers, options.address)
        made += predict_photos(predictor, source, outputs, fallback=fallback, workforce=workforce)
    else:
        terminal.say("The store has no eval photos to predict; --photos DIR predicts others.")
    for file in made:
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
    result.add_argument("--data", metavar="STORE", help="where the search's store is now, if it has moved")
    result.add_argument("--members", metavar="N", type=positive, default=4, help="at most this many trials vote (4)")
    result.add_argument(
        "--tta", metavar="N", type=positive, default=5, help="views of each photo, the plain one first (5)"
    )
    result.add_argument(
        "--photos",
        metavar="PATH",
        type=Path,
        nargs="+",
        help="predict these: folders, photos, or CSVs with a column of paths (path, ImageID, file, ...); test stays "
        "closed",
    )
    result.add_argument(
        "--out",
        metavar="FILE",
        type=Path,
        help="the predictions (default: in the search's folder, predictions.csv, or "
        "predictions-DIR-xxxxxx.csv of --photos DIR)",
    )
    add_options(result)
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
