"""The spaces that come with masktune, by name: told without Optuna, which takes half a second to be imported."""

from __future__ import annotations

import pkgutil

import search_spaces
from common.command_line import did_you_mean
from common.errors import SpaceError
from tuning.plan import space_files


def names() -> list[str]:
    """The names of the spaces that come with masktune."""
    return sorted(module.name for module in pkgutil.iter_modules(search_spaces.__path__))


def check(space: str) -> None:
    """Raises SpaceError: a part of `space`, joined by "+", is neither a name nor a file (the known ones are listed)."""
    for name in space.split("+"):
        if not space_files.is_file(name) and name not in names():
            hint = did_you_mean(name, names())
            raise SpaceError(
                f"no such space: {name!r}; {f'{hint} The' if hint else 'the'} known ones are {', '.join(names())}, "
                "or name a file of your own: ./my_space.py:SPACE"
            )
