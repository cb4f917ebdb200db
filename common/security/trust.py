"""Who could have written what is about to be run: a space's file, Ray's state, and the folders that they lie in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from common.security import regular_file

CODE = regular_file.MEGABYTE
"""Bytes of a file of code: a space's has a few hundred."""

ROOT_USER = 0


def why_not(path: Path) -> str | None:
    """Say why others could have written a file or folder, a link's own target; None where nobody but its user could."""
    return _why_not(path.stat())


def read_code(file: Path) -> bytes:
    """Read a file that is to be run; what was looked at is what was read.

    Raises:
        PermissionError: others could have written it. OSError: as for `regular_file.opened`.
    """
    with regular_file.opened(file, CODE) as stream:
        if why := _why_not(os.fstat(stream.fileno()), also=ROOT_USER):
            raise PermissionError(None, why, str(file))
        return stream.read(CODE)


def keep_others_out() -> None:
    """Have this process and its children make nothing that others can write to, whatever umask they were given."""
    os.umask(os.umask(0o022) | 0o022)


def _why_not(status: os.stat_result, also: int | None = None) -> str | None:
    if not hasattr(os, "getuid"):
        return None
    if status.st_uid not in (os.getuid(), also):
        return "belongs to another user"
    who = [name for bit, name in ((stat.S_IWGRP, "its group"), (stat.S_IWOTH, "everybody")) if status.st_mode & bit]
    return f"can be written by {' and '.join(who)}" if who else None
