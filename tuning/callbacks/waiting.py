"""Callbacks that wait for a disk that is full, read-only or gone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from ray import tune

from common import search_folder
from tuning.storage.disk import waiting_for_disk

Wrapped = TypeVar("Wrapped", bound=tune.Callback)


def patient(callback: Wrapped) -> Wrapped:
    """A callback each of whose own hooks waits for the disk."""
    for name in dir(tune.Callback):
        if name.startswith("on_") and getattr(type(callback), name) is not getattr(tune.Callback, name):
            setattr(callback, name, waiting_for_disk(getattr(callback, name)))
    return callback


class FolderGuard(tune.Callback):
    """Fails while the folder of the search is gone or read-only.

    `patient`, and before all others, it keeps them and Ray from writing below the mount point of a disk that is gone.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def on_step_begin(self, **info: Any) -> None:
        (self._folder / search_folder.SEARCH).stat()
        if not os.access(self._folder, os.W_OK):
            raise OSError(f"{self._folder} cannot be written")

    on_trial_start = on_trial_result = on_step_end = on_experiment_end = on_step_begin
