"""A disk that is full, read-only or gone while a search runs: the search waits, and goes on when it is back."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from common.patience import patiently
from common.security import terminal

Returned = TypeVar("Returned")


def waiting_for_disk(write: Callable[..., Returned]) -> Callable[..., Returned]:
    """`write`, done `patiently`: a line says when it begins to wait for the disk, and one when it goes on."""

    @functools.wraps(write)
    def tried(*arguments: object, **named: object) -> Returned:
        return patiently(lambda: write(*arguments, **named), on_wait=_say_why, on_success=_say_that_it_is_over)

    return tried


def _say_why(error: Exception) -> None:
    where, reason = getattr(error, "filename", None), getattr(error, "strerror", None)
    terminal.say(f"Waiting for the disk: {f'{where}: ' if where else ''}{reason or error}. Ctrl-C twice to leave.")


def _say_that_it_is_over() -> None:
    terminal.say("The disk takes data again: going on.")


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
            terminal.say(self._news(free))
        return enough

    def _news(self, free: float) -> str:
        if self._enough:
            return f"{free:.1f} GB are free again: more trials are started."
        return (
            f"{self._folder}: {free:.1f} GB are free, and another trial may need {self._needed:.1f} GB: "
            "none is started until there is room."
        )
