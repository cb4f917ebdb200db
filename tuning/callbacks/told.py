"""Tells the trials of a resumed search what all trials of it are told now."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from trainable.worker.durable import SHARED


class Told(tune.Callback):
    """Trials that a search had before it was resumed hear where it is kept now, and what they run on."""

    def __init__(self, shared: Mapping[str, Any]) -> None:
        self._shared = dict(shared)
        self._is_done = False

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._is_done:
            return
        self._is_done = True
        for trial in trials:
            trial.config[SHARED] = dict(self._shared)
