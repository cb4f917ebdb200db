"""Finished trials -> an ensemble -> predictions.

    python -m ensemble.select_and_predict                                     the newest search under runs/
    python -m ensemble.select_and_predict --search runs/NAME --test           and what it is worth on new people
    python -m ensemble.select_and_predict --photos DIR --out predictions.csv  photos of your own
    python -m ensemble.select_and_predict --search runs/a --search runs/b     members from several searches
    python -m ensemble.select_and_predict --members trial-003,trial-007       these vote

Members are chosen on val, from the predictions that trials left there, and the choice is kept in ensemble.json: the
next time it is used again. The store's eval photos are predicted, or those of --photos. --test opens test: people on
whom nothing was tuned. What each option costs and gains: docs/ensemble.md.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from common.command_line import Parser, exit_code
from common.errors import OptionError
from common.search_folder import ENSEMBLE
from common.security import terminal
from common.uris import location
from ensemble.selection.options import add_options, asked_for

if TYPE_CHECKING:
    from data_prep.store.store import Store
    from ensemble.search_folder import Search
    from ensemble.selection.kept import Kept


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.test and options.photos:
        raise OptionError("--test: it scores the store's own test people, and --photos predicts others; leave one out")
    # Imported only now, since torch and pandas take seconds: neither --help nor a mistyped option should wait.
    from ensemble import search_folder
    from ensemble.predictions.outcome import predict_eval, predict_folder, score_test
    from ensemble.selection.derived.refitted import refitted

    if options.photos:
        from data_prep.prepare.like import new_photos  # imports rembg, which only new photos need

        options.photos = new_photos(options.photos)  # an empty folder is refused before anything is loaded
    searches = search_folder.named(options.search, options.runs)
    if options.test:
        search_folder.check_ended(searches)
    where, search = searches[0].where, searches[0].folder
    out = options.out or search / _predictions(options.photos)
    keeps = search_folder.check_can_keep(search, out, needed=options.photos is None)

    store, kept = _chosen(options, searches)
    choice = kept.choice
    assert choice is not None
    if options.refit:
        if keeps:
            kept.write(search)  # for `tune_main.py --refit`, which a member may still need
        choice = refitted(choice)
        terminal.say("On train and val together, so that what val says here is of the models that were chosen:")
        terminal.say(f"    {', '.join(str(member.folders[0]) for member in choice.members)}\n")
    ensemble = choice.load(store)
    if options.test and (scores := score_test(store, choice, ensemble, kept.opened + 1)):
        kept = kept.with_test({**scores, "refit": options.refit})
    if keeps:
        kept.write(search)
        search_folder.keep(where, search / ENSEMBLE)
    if options.photos:
        made = predict_folder(options.photos, store, ensemble, out)
    else:
        made = predict_eval(store, ensemble, out)
    if made:
        search_folder.keep(where, made)
    return 0


def _chosen(options: argparse.Namespace, searches: list[Search]) -> tuple[Store, Kept]:
    """Use the choice in ensemble.json again, or choose anew; say which, and what it is worth."""
    from ensemble import search_folder
    from ensemble.selection import told
    from ensemble.selection.choice import val_votes
    from ensemble.selection.choosing import choose
    from ensemble.selection.derived.gather import gather
    from ensemble.selection.kept import Kept
    from ensemble.selection.options import Options

    names = " and ".join(str(search.where) for search in searches)
    folders, ended = [search.folder for search in searches], all(search.has_ended for search in searches)
    kept, asked = Kept.read(folders[0]), asked_for(options)
    why = kept.unfit(folders, search_folder.store_hash(folders[0]), asked, ended)
    again = kept.choice is not None and why is None and not options.choose
    store = search_folder.open_store(folders[0], options.data, verify=not (again and options.photos))
    if again and kept.choice:
        terminal.say(
            f"{names}: as chosen on {kept.made[:10]} ({ENSEMBLE}; --choose chooses anew): {told.members(kept.choice)}"
        )
        return store, kept
    if why and not options.choose:
        terminal.say(f"{names}: chosen anew, since {why}")
    found, notes = gather(folders, store, Options.of(asked))
    for note in notes:
        terminal.say(f"{names}: {note}")
    choice = choose(found, store, Options.of(asked), lambda chosen, views: val_votes(store, chosen, views))
    terminal.say(f"{names}: {len(choice.members)} of {len(found)} candidates vote: {told.members(choice)}\n")
    people = len(set(store.person[store.labelled("val")]))
    for line in told.table(choice, store.task.classes, people):
        terminal.say(line)
    return store, kept.with_choice(choice, folders, ended)


def _predictions(photos: Path | None) -> str:
    """Name the file of predictions: those of the store's eval photos are not written over by those of others."""
    return f"predictions-{photos.resolve().name}.csv" if photos else "predictions.csv"


def parser() -> Parser:
    result = Parser(
        prog="python -m ensemble.select_and_predict",
        description="Choose an ensemble from searches on val, score it on test, and predict by soft voting.",
    )
    result.add_argument(
        "--search",
        metavar="DIR",
        type=location,
        action="append",
        help="a search folder, or address (default: the newest under --runs); several, on one store, if given again",
    )
    result.add_argument("--runs", metavar="DIR", type=location, default=Path("runs"), help="where searches are kept")
    result.add_argument("--data", metavar="STORE", help="where the search's store is now, if it has moved")
    result.add_argument(
        "--test",
        action="store_true",
        help="score the vote on test, of a search that has ended; it is counted how often",
    )
    result.add_argument(
        "--refit",
        action="store_true",
        help="the members' refits vote in their place (tune_main.py --resume DIR --refit)",
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
    add_options(result)
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
