"""What a new search is called."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from common.command_line import python
from common.errors import OptionError, SearchError

if TYPE_CHECKING:  # names are checked before what a home needs is imported
    from tuning.storage.home import Home

LONGEST = 200
"""Bytes: most file systems take 255, and temporary files lend a search's name and add to it."""

_NAME = re.compile(r"\w([\w.,+=@-]*[\w+=@-])?")
"""What no shell, pattern, address or markup reads as more than a name."""


def new_home(runs: Home, space: str, name: str | None) -> Home:
    """The home of a new search among `runs`: NAME, or the next free name after the space's.

    Raises:
        OptionError: NAME, or the space's, is none for a folder. SearchError: NAME was given and is taken.
    """
    check(name, space, runs.uri is not None)
    taken = runs.names()
    if name is None:
        names = [space, *(f"{space}-{number}" for number in range(2, 10_000))]
        return next(runs.child(free) for free in names if free not in taken)
    home = runs.child(name)
    if name in taken:
        raise SearchError(
            f"{home.uri or home.folder} already holds a search; choose another --name, or go on with it: "
            f"{python()} tune_main.py --resume {home.where}"
        )
    return home


def reserved_home(runs: Home, space: str, name: str | None) -> Home:
    """`new_home`, reserved: of those who ask for one at the same moment each gets its own, or the error."""
    while True:
        home = new_home(runs, space, name)
        with contextlib.suppress(FileExistsError):
            home.reserve()
            return home


def check(name: str | None, space: str, at_address: bool) -> None:
    """Raises OptionError: NAME, or the space's where there is none, cannot be a folder's."""
    chosen = space if name is None else name
    option = f"--name: a search of {space!r} needs one of its own" if name is None else "--name"
    if not _NAME.fullmatch(chosen) or (at_address and not chosen.isascii()):
        raise OptionError(
            f"{option}: a plain folder name is needed, but got {chosen!r}; use letters, digits and . , _ - + = @, a "
            f"letter or digit first and no dot last{', and at an address only those of ASCII' if at_address else ''}"
        )
    if (length := len(chosen.encode())) > LONGEST:
        raise OptionError(f"{option}: at most {LONGEST} bytes are needed, but got {length}: {chosen[:20]}...")
