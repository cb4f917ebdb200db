"""Writes result.json of a trial: one line an epoch, whole lines only."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.logger import JsonLoggerCallback

from tuning import ray_internals
from tuning.records.results import RESULT, whole


class Results(JsonLoggerCallback):
    """Ray's own, but an end that a killed driver or a power cut left torn is cut off before a line is added."""

    def log_trial_start(self, trial: Trial) -> None:
        file = Path(trial.local_path, RESULT)
        if file.exists() and (length := whole(file)) < file.stat().st_size:
            os.truncate(file, length)
        super().log_trial_start(trial)

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:
        """A line that the disk does not take whole is closed with its file, and cut off when it is tried again."""
        try:
            super().log_trial_result(iteration, trial, result)
        except OSError:
            with suppress(OSError):
                ray_internals.close_results(self, trial)
            raise
