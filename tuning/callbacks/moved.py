"""Tells the trials of a resumed search where it is kept now."""

from __future__ import annotations

from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common import search_folder
from trainable.worker.durable import SHARED


class Moved(tune.Callback):
    """Trials that a search had before it was resumed are told where it is kept now."""

    def __init__(self, remote: str | None) -> None:
        self._remote = remote
        self._told = False

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._told:
            return
        self._told = True
        for trial in trials:
            trial.config[SHARED].pop(search_folder.ADDRESS, None)
            if self._remote:
                trial.config[SHARED][search_folder.ADDRESS] = self._remote
