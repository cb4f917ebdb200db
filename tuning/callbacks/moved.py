"""Tells the trials of a resumed search where it, its store and its processors are now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from trainable.worker.durable import SHARED


class Moved(tune.Callback):
    """Trials that a search had before it was resumed are told what new ones are: all that they share."""

    def __init__(self, shared: Mapping[str, Any]) -> None:
        self._shared = shared
        self._is_done = False

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._is_done:
            return
        self._is_done = True
        for trial in trials:
            trial.config[SHARED] = dict(self._shared)
