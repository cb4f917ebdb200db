"""What leaves a search: the ensemble that was chosen from it, and what ensemble.json knows of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.command_line import python
from common.errors import EnsembleError
from common.search_folder import ENSEMBLE
from common.security.regular_file import read_json
from data_prep.store.store import Store
from ensemble import search_folder
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.member import Member
from ensemble.voting.vote import Rule
from trainable import device
from trainable.photos.params import View


@dataclass(frozen=True)
class Leaving:
    """It is what leaves the search.

    Attributes:
        folders: of each member's trials, in the ensemble's order.
        figures: what ensemble.json says.
    """

    ensemble: Ensemble
    folders: Sequence[Sequence[Path]]
    store: Store
    figures: Mapping[str, Any]


def leaving(search: Path, moved: str | None) -> Leaving:
    """Load what was chosen.

    Args:
        moved: where the search's store is, if it is not where the search had it.

    Raises:
        EnsembleError: nothing was chosen yet.
    """
    store = search_folder.open_store(search, moved)
    try:
        figures = read_json(search / ENSEMBLE)
    except FileNotFoundError:
        raise EnsembleError(
            f"{search} has no {ENSEMBLE}: choose an ensemble first, {python()} -m ensemble.select_and_predict"
        ) from None
    about = figures
    folders = [[search / model["folder"] for model in each["folders"]] for each in about["members"]]
    members = tuple(Member.load(trial, store, device.choose()) for [trial] in folders)
    views = tuple(View(**each) for each in about["views"])
    rule = Rule(*(tuple(each[name] for each in about["members"]) for name in ("weight", "temperature")))
    figures = {key: about[key] for key in ("candidates", "val", "test_opened", "test")}
    return Leaving(Ensemble(members, rule, views), folders, store, figures)
