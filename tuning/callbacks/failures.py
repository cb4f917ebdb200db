"""What becomes of trials that fail: how often they are tried again, when a search gives up, what the reasons were."""

from __future__ import annotations

import signal
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuning import ray_internals
from tuning.callbacks.meter import Meter
from tuning.records.reasons import _is_exception, _last_failure

DEATHS = 3
"""A trial whose worker or node dies goes on from its last checkpoint so many times in a row, without a new epoch; after
an exception once."""

ENOUGH, SHARE = 8, 3 / 4
"""When so many trials have ended, and more than this share of them failed, the search ends: something is wrong."""


class Failures(tune.Callback):
    """Ray counts a trial's failures over its whole life: here a new epoch sets the count back to 0, and an exception
    counts as `DEATHS` deaths do.

    A diverged trial has ended, and not failed: it is a result of its settings.

    Attributes:
        failing: "7 of 8" trials failed, which ended the search; else None. Of trials that had ended when the search was
            resumed nothing is counted: what they failed of may be mended.
    """

    def __init__(self, meter: Meter) -> None:
        self.failing: str | None = None
        self._meter = meter
        self._epochs: dict[str, int] = {}
        self._ended = self._failed = 0

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if result["training_iteration"] > self._epochs.get(trial.trial_id, 0):
            self._epochs[trial.trial_id] = result["training_iteration"]
            ray_internals.forget_failures(trial)

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if _is_exception(_last_failure(trial)):
            ray_internals.count_failures(trial, DEATHS - 1)  # Ray has counted it once

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended += 1

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended += 1
        self._failed += 1

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """A second SIGINT would end the search before it is written down: none after a spent budget's, or ours."""
        too_many = self._ended >= ENOUGH and self._failed > SHARE * self._ended
        if too_many and self.failing is None and self._meter.reached is None:
            self.failing = f"{self._failed} of {self._ended}"
            signal.raise_signal(signal.SIGINT)
