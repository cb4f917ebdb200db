"""What leaves a search: the ensemble that was chosen from it, and what ensemble.json knows of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from common.command_line import python
from common.errors import EnsembleError
from common.search_folder import ENSEMBLE
from data_prep.store.store import Store
from ensemble import search_folder
from ensemble.selection.choice import Choice
from ensemble.selection.derived.refitted import refitted
from ensemble.selection.kept import Kept


@dataclass(frozen=True)
class Leaving:
    """It is what leaves the search.

    Attributes:
        figures: what val and test said of the choice, and how often test was opened.
    """

    choice: Choice
    store: Store
    figures: Mapping[str, Any]


def leaving(search: Path, moved: str | None, refit: bool = False) -> Leaving:
    """Read what was chosen.

    Args:
        moved: where the search's store is, if it is not where the search had it.
        refit: let the members' refits leave in their place.

    Raises:
        EnsembleError: nothing was chosen yet, the weights that were are gone, or others now, or there are no refits.
    """
    kept, choose = Kept.read(search), f"{python()} -m ensemble.select_and_predict --search {search}"
    if kept.choice is None:
        raise EnsembleError(f"{search}: nothing was chosen from it yet (no choice in {ENSEMBLE}); choose: {choose}")
    if why := kept.unfit(kept.searches, search_folder.store_hash(search), {}, kept.ended):
        raise EnsembleError(f"{search}: the choice in {ENSEMBLE} is no more ({why}); choose anew: {choose} --choose")
    choice = refitted(kept.choice) if refit else kept.choice
    figures = {
        "refit": refit,
        "candidates": kept.choice.candidates,
        "best_single": kept.choice.single.name,
        "val": [asdict(step) for step in kept.choice.steps],
        "test_opened": kept.opened,
        "test": kept.test if (kept.test or {}).get("refit", False) == refit else None,
    }
    # Of the store no photos are predicted: at most a few of val are looked at.
    return Leaving(choice, search_folder.open_store(search, moved, verify=False), figures)
