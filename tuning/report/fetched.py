"""What a report needs of a search at an address, copied to this machine: its curves, and what its best trial predicted.

Copies are kept in $MASKTUNE_CACHE, or ~/.cache/masktune, under reports/; a later report fetches what has changed since.
"""

from __future__ import annotations

from pathlib import Path

from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.search_folder import VAL_PREDICTIONS
from tuning.records.results import RESULT
from tuning.storage.mirror import TRIALS, fetch

ROOM = "reports"


def fetched(uri: str, best: str | None) -> Path:
    """Copy it to a folder that is laid out as a search's, and name that.

    Args:
        best: the trial whose predictions are fetched, too.

    Raises:
        UriError: the address cannot be read.
    """
    folder = uris.place(ROOM, uri)
    try:
        there = RemoteFolder.of(uri)
        found = there.list()
        wanted = [name for name in found if name.startswith(TRIALS) and name.count("/") == 1]
        wanted = [name for name in wanted if name.endswith(f"/{RESULT}") or name == f"{best}/{VAL_PREDICTIONS}"]
        fetch(there, folder, {name: found[name] for name in wanted})
    except OSError as error:
        raise uris.refused(uri, error, "read") from None
    return folder
