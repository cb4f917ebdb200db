"""A disk that is full, read-only or gone while a search runs: the search waits, and goes on when it is back."""

from __future__ import annotations

import functools
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

PAUSE = 2.0
"""Seconds between two tries."""

Returned = TypeVar("Returned")


def patiently(write: Callable[..., Returned]) -> Callable[..., Returned]:
    """`write`, tried again until the disk takes it; a line says when it begins to wait, and one when it goes on.

    What it did before it failed must do no harm when it is done twice.
    """

    @functools.wraps(write)
    def tried(*arguments: object, **named: object) -> Returned:
        waited = False
        while True:
            try:
                result = write(*arguments, **named)
            except OSError as error:
                if not waited:
                    where = f"{error.filename}: " if error.filename else ""
                    print(f"Waiting for the disk: {where}{error.strerror or error}. Ctrl-C twice to leave.", flush=True)
                waited = True
                time.sleep(PAUSE)
                continue
            if waited:
                print("The disk takes data again: going on.", flush=True)
            return result

    return tried


class DiskSpace:
    """Whether the disk under `folder` has `needed` GB (1e9 bytes) for another trial; says when that changes."""

    def __init__(self, folder: Path, needed: float) -> None:
        self._folder, self._needed, self._enough = folder, needed, True

    def is_enough(self) -> bool:
        try:
            free = shutil.disk_usage(self._folder).free / 1e9
        except OSError:  # gone: whoever writes there next says so
            free = 0.0
        enough = free >= self._needed
        if enough != self._enough:
            self._enough = enough
            print(self._news(free), flush=True)
        return enough

    def _news(self, free: float) -> str:
        if self._enough:
            return f"{free:.1f} GB are free again: more trials are started."
        return (
            f"{self._folder}: {free:.1f} GB are free, and another trial may need {self._needed:.1f} GB: "
            "none is started until there is room."
        )
