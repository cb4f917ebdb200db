"""Streams that a program can write to, whoever reads them, or nobody."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

STREAMS = ("stdin", "stdout", "stderr")


def open_all() -> None:
    """Nobody who only listens can end a search: `| head`, a full disk, a terminal that is closed, `>&-`."""
    for number, name in enumerate(STREAMS):
        if not _is_open(number):  # else the next file that is opened would have its number, and get what is printed
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
        stream = getattr(sys, name)
        if number and stream is getattr(sys, f"__{name}__"):  # pytest has its own
            setattr(sys, name, _dropping(number, stream))


class _Dropping(io.FileIO):
    """A stream whose reader may be gone, or whose disk may be full: what cannot be written is dropped."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return memoryview(data).nbytes  # type: ignore[arg-type]


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _dropping(number: int, stream: io.TextIOWrapper | None) -> TextIO:
    raw = _Dropping(number, "w", closefd=False)
    errors = stream.errors if stream else "strict"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        # A file's name may hold what the encoding does not.
        errors="backslashreplace" if errors == "strict" else errors,
        line_buffering=stream.line_buffering if stream else False,
        write_through=stream.write_through if stream else False,
    )
