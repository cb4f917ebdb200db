"""Callbacks that wait for a disk that is full, read-only or gone."""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ray import tune

from common.search_folder import SEARCH, STATE
from tuning.ownership.lock import LOCK
from tuning.storage.disk import waiting_for_disk

Wrapped = TypeVar("Wrapped", bound=tune.Callback)


def patient(callback: Wrapped, check: Callable[[], None]) -> Wrapped:
    """A callback each of whose own hooks waits for the disk, and does nothing where `check` raises an error."""
    for name in dir(tune.Callback):
        if name.startswith("on_") and getattr(type(callback), name) is not getattr(tune.Callback, name):
            setattr(callback, name, waiting_for_disk(_checked(getattr(callback, name), check)))
    return callback


def _checked(hook: Callable[..., None], check: Callable[[], None]) -> Callable[..., None]:
    @functools.wraps(hook)
    def checked(*arguments: Any, **named: Any) -> None:
        check()
        hook(*arguments, **named)

    return checked


class FolderGuard(tune.Callback):
    """Fails while the folder of the search is gone or read-only.

    `patient`, and before all others, it keeps them and Ray from writing below the mount point of a disk that is gone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Any of them: people may remove one. A folder without is one that Ray has made below an empty mount point.
        self._signs = [folder / name for name in (SEARCH, STATE, LOCK)]

    def on_step_begin(self, **info: Any) -> None:
        if not any(sign.exists() for sign in self._signs):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(self._folder))
        if not os.access(self._folder, os.W_OK):
            raise OSError(f"{self._folder} cannot be written")

    on_trial_start = on_trial_result = on_step_end = on_experiment_end = on_step_begin
