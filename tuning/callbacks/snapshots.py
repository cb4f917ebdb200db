"""Keeps the last states of Ray's while a search runs, and the checkpoints that they name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common.files import new_folder, write_json
from common.search_folder import STATE
from tuning import ray_internals
from tuning.storage import removal
from tuning.storage.states import KEPT, MANIFEST, _hashes, _state, sets


class Snapshots(tune.Callback):
    """Keeps the last `KEPT` states of Ray's in `folder`, and of every trial the checkpoints they name and the one
    before the newest of these, in case that one is damaged.

    Ray could keep a number of checkpoints by itself, but then it removes one while its last state still names it, and
    a search whose driver is killed at that moment loses the trial.
    """

    def __init__(self, folder: Path, removing: removal.Remove | None = None) -> None:
        self._folder, self._remove = folder / STATE, removing or removal.remove
        self._files: list[Path] = []
        self._taken = 0
        self._latest: list[dict[str, str]] = []
        """For each state that is kept, a trial's newest checkpoint in it."""

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Ray has just written its state, if it was time to, in this thread: it is whole and of this moment."""
        if not trials:
            return
        if not self._files:  # a driver writes the same three again and again; trials have folders beside them
            self._files = _state(ray_internals.working_folder(trials[0]))
        if not self._files or (when := self._files[0].stat().st_mtime_ns) == self._taken:
            return
        self._keep()
        self._taken = when
        newest = {trial.trial_id: ray_internals.latest_checkpoint(trial) for trial in trials}
        self._latest = [*self._latest[1 - KEPT :], {trial: path for trial, path in newest.items() if path}]
        if len(self._latest) == KEPT:  # before, a state on disk may be of an earlier driver
            for trial in trials:
                self._remove_old_checkpoints(trial)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self.on_step_end(0, trials)

    def _keep(self) -> None:
        before = sets(self._folder)
        number = int(before[-1].name) + 1 if before else 1
        self._folder.mkdir(parents=True, exist_ok=True)
        with new_folder(self._folder / f"{number:06d}", alone=True) as fresh:
            for file in self._files:
                shutil.copyfile(file, fresh / file.name)
            write_json(fresh / MANIFEST, _hashes(fresh))
        for old in before[: len(before) + 1 - KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    def _remove_old_checkpoints(self, trial: Trial) -> None:
        paths = ray_internals.checkpoints_of(trial)
        named = {latest[trial.trial_id] for latest in self._latest if trial.trial_id in latest}
        if len(paths) <= KEPT or paths[-1] not in named:
            return
        named.add(paths[-2])
        ray_internals.forget_checkpoints(trial, but=named)
        for path in paths:
            if path not in named:
                self._remove(Path(path).parent, Path(path).name)
