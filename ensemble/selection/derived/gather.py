"""Everything that may vote: a search's trials, what its confirmations trained, and a soup of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from common.errors import EnsembleError
from common.search_record import SearchRecord
from data_prep.store.store import Store
from ensemble.selection.candidates import Candidate, candidates
from ensemble.selection.derived.confirmed import confirmed
from ensemble.selection.derived.soup import add_soup
from ensemble.selection.options import Options
from trainable import device


def gather(searches: Sequence[Path], store: Store, options: Options) -> tuple[list[Candidate], list[str]]:
    """Find all candidates of some searches, the best first, and say what came of those that are no trials.

    Raises:
        EnsembleError: there is none, or predictions are damaged, or of another store; or a search is a refit, whose
            trials nobody can judge.
    """
    for search in searches:
        if SearchRecord.read(search).refits:
            raise EnsembleError(
                f"--search {search}: val cannot judge a refit; name its search: {search.parent} --refit"
            )
    found = candidates(searches, store)
    notes: list[str] = []
    if not options.trials_only:
        for search in searches:
            more, left_out = confirmed(search, store, f"{search.name}/" if len(searches) > 1 else "")
            found, notes = [*found, *more], [*notes, *left_out]
            if more:
                names = "a model" if len(more) == 1 else f"{len(more)} models or sets of models"
                notes.append(f"{names} of the confirmation may vote, too (--trials-only leaves that out)")
    if options.soup:
        found, note = add_soup(found, searches[0], store, device.choose())
        notes.append(note)
    return sorted(found, key=lambda candidate: -candidate.val_f1), notes
