"""Frees the disk of checkpoints that nobody will resume from; a trial's best weights stay."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

SETTLED = 10.0
"""Seconds after a trial's end: by then Ray's snapshot of the search says that it ended, so a resumed search will not
look for its checkpoints."""


class Sweeper(tune.Callback):
    """Removes the checkpoint folders of trials that ended."""

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}
        self._swept: set[str] = set()

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        now = time.monotonic()
        for trial in trials:
            ended = trial.status == Trial.TERMINATED and trial.trial_id not in self._swept
            if ended and now - self._ended.setdefault(trial.trial_id, now) > SETTLED:
                self._sweep(trial)

    def _sweep(self, trial: Trial) -> None:
        for folder in Path(trial.storage.trial_fs_path).glob("checkpoint_*"):
            shutil.rmtree(folder, ignore_errors=True)
        self._swept.add(trial.trial_id)


def sweep(folder: Path) -> None:
    """Remove what is left when a search has finished: those of failed trials and of the last ones to end."""
    for checkpoint in folder.glob("trial-*/checkpoint_*"):
        shutil.rmtree(checkpoint, ignore_errors=True)
