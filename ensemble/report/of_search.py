"""The report of a search's ensemble, beside its ensemble.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from common.search_folder import ENSEMBLE, ENSEMBLE_REPORT
from common.security import terminal
from common.security.regular_file import read_json
from data_prep.store.store import Store
from ensemble.report import report
from ensemble.report.judged import Judged, Votes
from ensemble.report.members import Settings


def write(
    search: Path,
    store: Store,
    split: str,
    ensemble: Votes,
    single: Votes,
    settings: Mapping[str, Settings],
    pictures: bool = True,
) -> Path:
    """Write ensemble.html of what ensemble.json says and of votes on the labelled photos of a split, and say so.

    Args:
        ensemble, single: votes on `store.labelled(split)`, in its order.
        settings: of each member, by its name.
        pictures: whether the worst mistakes are shown as pictures.
    """
    judged = Judged.of_store(store, split, store.labelled(split), ensemble, single, pictures)
    file = search / ENSEMBLE_REPORT
    report.write(file, search.name, judged, read_json(search / ENSEMBLE), settings)
    terminal.say(f"The report, for a browser: {file}")
    return file
