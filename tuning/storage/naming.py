"""What the folder of a new search is called."""

from __future__ import annotations

import contextlib
from pathlib import Path

from common import uris
from common.errors import OptionError, SearchError


def new_folder(runs: Path, space: str, name: str | None, address: str | None = None) -> Path:
    """The folder of a new search: runs/NAME, or the next free name after the space's.

    Args:
        address: that `runs` is the mirror of; it decides which names are taken.

    Raises:
        SearchError: NAME was given and is taken.
    """
    there: set[str] = set()
    if address:
        from tuning.storage import mirror  # imports Ray

        there = mirror.names(address)

    def is_taken(folder: Path) -> bool:
        return folder.name in there if address else folder.exists()

    if name is None:
        names = [space, *(f"{space}-{number}" for number in range(2, 10_000))]
        return next(folder for folder in (runs.absolute() / free for free in names) if not is_taken(folder))
    if "/" in name or name in ("", ".", ".."):
        raise OptionError(f"--name: a plain folder name is needed, but got {name!r}")
    folder = runs.absolute() / name
    if is_taken(folder):
        where = uris.child(address, name) if address else folder
        raise SearchError(
            f"{where} already holds a search; choose another --name, or go on with it: "
            f"python tune_main.py --resume {where if address else runs / name}"
        )
    return folder


def made_folder(runs: Path, space: str, name: str | None) -> Path:
    """`new_folder`, made: of those who ask for one at the same moment each gets its own, or the error."""
    while True:
        folder = new_folder(runs, space, name)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
