"""Tells the trials of a resumed search where it is kept now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common import search_folder
from trainable.worker.durable import SHARED


class Moved(tune.Callback):
    """Trials that a search had before it was resumed are `told` where it is kept now."""

    def __init__(self, told: Mapping[str, str]) -> None:
        self._told = told
        self._is_done = False

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._is_done:
            return
        self._is_done = True
        for trial in trials:
            trial.config[SHARED].pop(search_folder.URI, None)
            trial.config[SHARED].update(self._told)
