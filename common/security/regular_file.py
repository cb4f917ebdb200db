"""Reads files that somebody else may have made: regular files only, and none larger than what it is for.

A named pipe would be waited for, /dev/zero read until memory ends.
"""

from __future__ import annotations

import io
import json
import os
import stat
from pathlib import Path
from typing import Any

MEGABYTE = 2**20

RECORD, TABLE = 256 * MEGABYTE, 2048 * MEGABYTE
"""Bytes of what is read at once: store.json of a million photos has 10 MB, a CSV of them 100 MB."""

_KINDS = {
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
}


class UnfitFile(OSError):
    """What is there is no file, or too large a one. Printed it says why, without a number and a name."""

    def __str__(self) -> str:
        return str(self.strerror)


def opened(file: Path, limit: int | None = None) -> io.BufferedReader:
    """Open a regular file of at most `limit` bytes.

    Raises:
        UnfitFile: it is a pipe, a device, a socket or a folder, or larger. OSError: it is not there, or closed to us.
    """
    _check(file, file.stat(), limit)  # before it is opened: to open some devices does something
    # The other end of a pipe that comes in between is not waited for.
    stream = os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")
    try:
        _check(file, os.fstat(stream.fileno()), limit)
    except BaseException:
        stream.close()
        raise
    return stream


def read_bytes(file: Path, limit: int = RECORD) -> bytes:
    """Read a regular file. Raises OSError: as for `opened`."""
    with opened(file, limit) as stream:
        content = stream.read(min(os.fstat(stream.fileno()).st_size, limit) + 1)
        rest = stream.read(max(0, limit + 1 - len(content)))  # one that grows
    if len(content) + len(rest) > limit:
        raise _too_large(file, len(content) + len(rest), limit)
    return content + rest


def read_text(file: Path, limit: int = RECORD, errors: str = "strict") -> str:
    """Read a regular file of UTF-8. Raises OSError: as for `opened`. ValueError: it is no UTF-8."""
    with io.TextIOWrapper(io.BytesIO(read_bytes(file, limit)), encoding="utf-8", errors=errors) as text:
        return text.read()


def read_json(file: Path, limit: int = RECORD) -> Any:
    """Read a regular file of JSON. Raises OSError: as for `opened`. ValueError: it is no JSON."""
    return parse_json(read_bytes(file, limit))


def parse_json(text: str | bytes) -> Any:
    """Read JSON. Raises ValueError: it is none, or brackets within brackets go on for thousands."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


def _check(file: Path, status: os.stat_result, limit: int | None) -> None:
    if kind := next((name for is_one, name in _KINDS.items() if is_one(status.st_mode)), None):
        raise UnfitFile(None, f"it is {kind} and no file", str(file))
    if limit is not None and status.st_size > limit:
        raise _too_large(file, status.st_size, limit)


def _too_large(file: Path, size: int, limit: int) -> UnfitFile:
    return UnfitFile(None, f"it has {size:,} bytes, and {limit:,} at most are read", str(file))
