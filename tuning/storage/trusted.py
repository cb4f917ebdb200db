"""Refuses to go on with a search that somebody else could have written: Ray unpickles its state, which is to run it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from common.addresses.remote_folder import RemoteFolder
from common.errors import SearchError
from common.search_folder import STATE
from common.security import trust
from tuning.storage import states

UNPICKLED = (*states.RAYS, "*.pkl")
"""Also what is not ours: Ray would unpickle callbacks' states, of which we have none."""


def check(folder: Path, remote: str | None = None) -> None:
    """Refuse a search that others could have written; of one at a file:// address its place, too, not only its mirror.

    Args:
        remote: the address whose mirror the folder is.

    Raises:
        SearchError: another user owns something that is run, or may write it, or it is a link. UriError: as for
            `RemoteFolder.of`.
    """
    for place in (folder, here(remote) if remote else None):
        if place is not None:
            _check(place)


def here(remote: str) -> Path | None:
    """The folder that an address stands for, of file://; None for a storage that knows no owners."""
    there = RemoteFolder.of(remote)
    return Path(there.path) if there.files.type_name == "local" else None


def _check(folder: Path) -> None:
    for path in chain([folder], _run_from(folder)):
        if path != folder and path.is_symlink():
            raise SearchError(f"{path} is a link to {path.readlink()}: resuming would run code from there; remove it")
        if why := trust.why_not(path):
            raise SearchError(
                f"{path} {why}: resuming runs code from it. Begin another search; or, if you are sure of everything in "
                f"{folder}, make it yours alone: {'chown' if 'belongs' in why else 'chmod'} -R "
                f"{'$USER' if 'belongs' in why else 'go-w'} {folder}"
            )


def _run_from(folder: Path) -> Iterator[Path]:
    """What Ray would read as code, or what lies around it: each of these files and folders that there is."""
    state = folder / STATE
    if state.exists() or state.is_symlink():
        yield state
        for each in sorted(state.glob("*")):  # whole or not
            yield each
            yield from each.iterdir() if each.is_dir() else ()
    for pattern in UNPICKLED:
        yield from folder.glob(pattern)
