"""What a new search is called."""

from __future__ import annotations

import contextlib

from common.errors import OptionError, SearchError
from tuning.storage.home import Home


def new_home(runs: Home, space: str, name: str | None) -> Home:
    """The home of a new search among `runs`: NAME, or the next free name after the space's.

    Raises:
        SearchError: NAME was given and is taken.
    """
    taken = runs.names()
    if name is None:
        names = [space, *(f"{space}-{number}" for number in range(2, 10_000))]
        return next(runs.child(free) for free in names if free not in taken)
    if "/" in name or name in ("", ".", ".."):
        raise OptionError(f"--name: a plain folder name is needed, but got {name!r}")
    home = runs.child(name)
    if name in taken:
        raise SearchError(
            f"{home.uri or home.folder} already holds a search; choose another --name, or go on with it: "
            f"python tune_main.py --resume {home.where}"
        )
    return home


def reserved_home(runs: Home, space: str, name: str | None) -> Home:
    """`new_home`, reserved: of those who ask for one at the same moment each gets its own, or the error."""
    while True:
        home = new_home(runs, space, name)
        with contextlib.suppress(FileExistsError):
            home.reserve()
            return home
