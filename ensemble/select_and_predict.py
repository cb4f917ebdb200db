"""Finished trials -> an ensemble -> predictions.

    python -m ensemble.select_and_predict                                     the newest search under runs/
    python -m ensemble.select_and_predict --search runs/NAME --test           and what it is worth on new people
    python -m ensemble.select_and_predict --photos DIR                        photos of your own, or a CSV of paths
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

from common.addresses.uris import location
from common.command_line import Parser, exit_code
from common.errors import OptionError
from common.search_folder import ENSEMBLE
from common.security import terminal
from common.wording import counted, things
from ensemble.predictions.options import add_options as add_prediction_options
from ensemble.selection.options import add_options, asked_for

if TYPE_CHECKING:
    from data_prep.prepare.new_photos import NewPhotos
    from data_prep.store.store import Store
    from ensemble.predictions.tables import Outputs
    from ensemble.search_folder import Search
    from ensemble.selection.choice import Choice, Said
    from ensemble.selection.kept import Kept


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.test and options.photos:
        raise OptionError("--test: it scores the store's own test people, and --photos predicts others; leave one out")
    # Imported only now, since torch and pandas take seconds: neither --help nor a mistyped option should wait.
    from data_prep.prepare.new_photos import new_photos

    # An empty folder is refused before anything else is loaded.
    photos = new_photos(options.photos, options.images) if options.photos else None
    from ensemble import search_folder
    from ensemble.predictions.predictor import Meaning
    from ensemble.predictions.tables import Outputs

    searches = search_folder.named(options.search, options.runs)
    where, search = searches[0].where, searches[0].folder
    if options.test:
        search_folder.check_ended(searches)
    out = options.out or search / (f"predictions-{photos.title}.csv" if photos else "predictions.csv")
    keeps = search_folder.check_can_keep(search, out, needed=photos is None)
    store, kept = _opened(options, searches)
    meaning = Meaning(store.task, store.bands)
    outputs = Outputs.of(out, meaning, options.probabilities)
    outputs.check_spares(search, photos)
    fallback = None if options.fallback is None else meaning.class_of("--fallback", options.fallback)

    choice, kept = _chosen(options, searches, store, kept)
    said = choice.on_val
    if keeps:
        _keep(kept, searches[0])
    if options.refit:
        choice = _refitted(choice)
    if options.test:
        said = _tested(choice, store, kept, searches[0], options.refit) or said
    told = [_reported(choice, store, said, search, not options.no_pictures)] if keeps and said else []
    made = _predicted(options, choice, store, photos, outputs, fallback)
    for file in [*told, *made]:
        search_folder.keep(where, file)
    return 0


def _opened(options: argparse.Namespace, searches: list[Search]) -> tuple[Store, Kept]:
    """Open the store, and read what was chosen before, if it can be used again.

    Only photos of the store make it worth to hash its shards: four new ones should not wait for that.
    """
    from ensemble import search_folder
    from ensemble.selection.kept import Kept

    folders, ended = [search.folder for search in searches], all(search.has_ended for search in searches)
    kept = Kept.read(folders[0])
    why = (
        "--choose asks for it"
        if options.choose
        else kept.unfit(folders, search_folder.store_hash(folders[0]), asked_for(options), ended)
    )
    if why and kept.choice:
        terminal.say(f"{searches[0].where}: chosen anew, since {why}")
        kept = kept.without_choice()
    verify = not options.photos or kept.choice is None
    return search_folder.open_store(folders[0], options.data, verify=verify), kept


def _chosen(options: argparse.Namespace, searches: list[Search], store: Store, kept: Kept) -> tuple[Choice, Kept]:
    """Use the last choice again, or choose; say who votes, and what that is worth."""
    from ensemble.selection import told
    from ensemble.selection.choice import val_votes
    from ensemble.selection.choosing import choose
    from ensemble.selection.derived.gather import gather
    from ensemble.selection.options import Options

    names = " and ".join(str(search.where) for search in searches)
    if kept.choice:
        when = f"as chosen on {kept.made[:10]} ({ENSEMBLE}; --choose chooses anew)"
        terminal.say(f"{names}, {when}: {told.members(kept.choice)}")
        return kept.choice, kept
    folders, how = [search.folder for search in searches], Options.of(asked_for(options))
    found, notes = gather(folders, store, how)
    for note in notes:
        terminal.say(f"{names}: {note}")
    choice = choose(found, store, how, lambda chosen, views: val_votes(store, chosen, views))
    vote = f"{len(choice.members)} of {counted(len(found), 'candidate')} {things(len(choice.members), 'votes', 'vote')}"
    terminal.say(f"{names}: {vote}: {told.members(choice)}\n")
    for line in told.table(choice, store.task.classes, len(set(store.person[store.labelled("val")]))):
        terminal.say(line)
    return choice, kept.with_choice(choice, folders, ended=all(search.has_ended for search in searches))


def _refitted(choice: Choice) -> Choice:
    """Let the members' refits vote in their place."""
    from ensemble.selection.derived.refitted import refitted

    refits = refitted(choice)
    terminal.say("Their refits vote in their place, trained on val as well: its figures are of those that were chosen.")
    for old, new in zip(choice.members, refits.members, strict=True):
        terminal.say(f"    {old.name}: {new.folders[0]}")
    return refits


def _keep(kept: Kept, search: Search) -> None:
    """Write ensemble.json, and take it to the search's address if it has one: at once, since it counts."""
    from ensemble import search_folder

    kept.write(search.folder)
    search_folder.keep(search.where, search.folder / ENSEMBLE)


def _tested(choice: Choice, store: Store, kept: Kept, search: Search, refit: bool) -> Said | None:
    """Open test. That it was is kept before anybody has read what it says."""
    from ensemble.predictions.scores import OnTest

    found = OnTest.of(choice, choice.load(store), store)
    if found is None:
        terminal.say("No test photo has all labels of the store's task: nothing says how the vote does on new people.")
        return None
    kept = kept.with_test({**found.to_json(), "refit": refit})
    _keep(kept, search)
    for line in found.lines(choice, kept.opened):
        terminal.say(line)
    return found.said


def _reported(choice: Choice, store: Store, said: Said, search: Path, pictures: bool) -> Path:
    """Write the report of what was just chosen or tested."""
    from ensemble.report import of_search

    return of_search.write(search, store, choice, said, pictures)


def _predicted(
    options: argparse.Namespace,
    choice: Choice,
    store: Store,
    photos: NewPhotos | None,
    outputs: Outputs,
    fallback: int | None,
) -> list[Path]:
    """Predict new photos, or the store's eval photos."""
    from data_prep.prepare.like import Treatment
    from ensemble.predictions.predicting import predict_photos
    from ensemble.predictions.predictor import Predictor
    from ensemble.predictions.sources import FilesSource, StoreSource
    from ensemble.predictions.workforce import Workforce

    source = FilesSource(photos, Treatment.of_store(store)) if photos else StoreSource(store)
    if not source.names:
        terminal.say("The store has no eval photos to predict; --photos DIR predicts others.")
        return []
    predictor, workforce = Predictor.of_choice(choice, store), Workforce(options.workers, options.address)
    return predict_photos(predictor, source, outputs, fallback=fallback, workforce=workforce)


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
    result.add_argument(
        "--no-pictures", action="store_true", help="leave photos out of ensemble.html, the report for a browser"
    )
    add_options(result)
    add_prediction_options(result)
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
