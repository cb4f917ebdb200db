"""Frees the disk while a search runs: checkpoints that nobody will resume from, weights that nobody will vote with."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common.search_folder import BEST_WEIGHTS
from tuning import ray_internals
from tuning.storage.removal import Remove, remove

SETTLED = 10.0
"""Times the seconds between two of Ray's snapshots: so long after a trial's end they say that it ended, and a resumed
search will not look for its checkpoints."""

TICK = 0.5
"""Seconds between two looks at the trials, which may be thousands."""


class Sweeper(tune.Callback):
    """Removes the checkpoints of trials that ended, and the best weights of all but the `keep` best of them.

    A trial that is out of the best `keep` can never come back in: a trial's best val_f1 only rises.
    """

    def __init__(self, keep: int, period: float = 1.0, removing: Remove | None = None) -> None:
        self._keep, self._period, self._remove = keep, period, removing or remove
        self._ended: dict[str, float] = {}
        self._swept: set[str] = set()
        self._kept: dict[Path, float] = {}
        self._looked = -TICK

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        """A trial that ends with this result needs no checkpoint of it, which would keep its GPU from the next trial
        for a second or two. If the driver dies before the end is written down, the trial repeats its last epoch."""
        if result.get("done"):
            ray_internals.save_no_more(trial)

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        now = time.monotonic()
        if now - self._looked < TICK:
            return
        self._looked = now
        for trial in trials:
            ended = trial.status in (Trial.TERMINATED, Trial.ERROR) and trial.trial_id not in self._swept
            if ended and now - self._ended.setdefault(trial.trial_id, now) > SETTLED * self._period:
                self._sweep(trial)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        """Sweep up after the last ones to end, but for checkpoints: they go when nothing is left to resume."""
        for trial in trials:
            if trial.status in (Trial.TERMINATED, Trial.ERROR) and (trial.last_result or {}).get("done"):
                self._keep_best(trial)

    def _sweep(self, trial: Trial) -> None:
        self._remove(ray_internals.folder_of(trial), "checkpoint_*")
        self._keep_best(trial)
        self._swept.add(trial.trial_id)

    def _keep_best(self, trial: Trial) -> None:
        score = (trial.last_result or {}).get("val_f1_best")
        if score is not None:
            self._kept[ray_internals.folder_of(trial)] = score
        while len(self._kept) > self._keep:
            worst = min(self._kept, key=lambda folder: self._kept[folder])
            self._remove(worst, BEST_WEIGHTS)
            del self._kept[worst]
