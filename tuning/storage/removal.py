"""Frees the disk while a search runs: checkpoints that nobody will resume from, weights that nobody will vote with."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

Remove = Callable[[Path, str], None]
"""Removes what of a folder a pattern matches: `remove`, or at an address `Mirror.remove`."""


def remove(folder: Path, pattern: str) -> None:
    """The files and folders in `folder` that `pattern` matches."""
    for each in folder.glob(pattern):
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        else:
            each.unlink(missing_ok=True)
