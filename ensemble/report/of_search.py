"""The report of a search's ensemble, beside its ensemble.json."""

from __future__ import annotations

from pathlib import Path

from common.search_folder import BEST_WEIGHTS, ENSEMBLE, ENSEMBLE_REPORT
from common.security import terminal
from common.security.regular_file import read_json
from data_prep.store.store import Store
from ensemble.report import report
from ensemble.report.judged import Judged, Votes
from ensemble.selection.choice import Choice, Said
from trainable.best import read_config


def write(search: Path, store: Store, choice: Choice, said: Said, pictures: bool = True) -> Path:
    """Write ensemble.html of ensemble.json, which has the choice, and of what it says of a split's labelled photos.

    Args:
        pictures: whether the worst mistakes are shown as pictures.
    """
    votes = Votes("ensemble", said.ensemble), Votes(choice.single.name, said.single)
    judged = Judged.of_store(store, said.split, store.labelled(said.split), *votes, pictures)
    settings = {member.name: read_config(member.folders[0] / BEST_WEIGHTS).to_flat() for member in choice.members}
    file = search / ENSEMBLE_REPORT
    report.write(file, search.name, judged, read_json(search / ENSEMBLE), settings)
    terminal.say(f"The report, for a browser: {file}")
    return file
