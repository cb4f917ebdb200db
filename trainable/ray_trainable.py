"""The one file of the training core that knows Ray: a Trial as a class Trainable, one step an epoch, and how a worker
saves, restores and reports (`Sturdy`).

An actor is kept from one trial to the next (`reset_config`): imports, the GPU context, the open store, photos on the
GPU, the network and its compiled code stay (`workbench.py`); weights are set anew, the optimizer goes.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from ray import tune
from ray.train._internal.session import _TrainingResult
from safetensors import SafetensorError

from data_prep import node_copy
from data_prep.store import Store
from errors import CheckpointError, DivergedError, ReportError
from files import TRIAL_LOG, write_json
from trainable import checkpoint, device
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.workbench import Workbench

SHARED = "shared"
"""Key of a trial's Ray config under which everything lies that the search does not vary."""


SCORES = ("val_f1", "val_f1_best")
"""What every report must hold, as a finite number from 0 to 1: the scheduler and the sampler go by it."""

PATIENCE, PAUSE = 3600.0, 2.0
"""Seconds that a worker waits for a disk that takes nothing, and between two tries."""

PROGRESS = "progress.json"
"""In a checkpoint's folder: how far the trial was, as Ray counts."""


class Sturdy(tune.Trainable):
    """A Trainable whose reports are checked, whose checkpoints are whole or absent, and which goes on from the one
    before where the newest is damaged."""

    def train(self) -> dict[str, Any]:
        """Raises ReportError: Ray's own answer to a NaN is to go on for ever, and to text to end the search."""
        result: dict[str, Any] = super().train()
        for name in SCORES:
            value = result.get(name, "nothing")
            if not isinstance(value, int | float) or not 0 <= value <= 1:  # nor is NaN
                raise ReportError(f"{name}: a number from 0 to 1 is needed after every epoch, but got {value!r}")
        return result

    def save(self, checkpoint_dir: str | None = None) -> _TrainingResult:
        """Write the trial's next checkpoint_NNNNNN where it stays, under a hidden name until it is whole.

        Ray would write to a temporary folder, which a killed worker leaves behind, and copy that file by file.
        """
        metrics = dict(self._last_result or {})
        self._storage._update_checkpoint_index(metrics)
        final = Path(self._storage.checkpoint_fs_path)
        _patiently(lambda: self._write(final))
        return _TrainingResult(tune.Checkpoint(str(final), self._storage.storage_filesystem), metrics)

    def _write(self, final: Path) -> None:
        for left in final.parent.glob(".checkpoint_*.partial"):
            shutil.rmtree(left, ignore_errors=True)
        partial = final.with_name(f".{final.name}.partial")
        partial.mkdir(parents=True)
        self.save_checkpoint(str(partial))
        write_json(partial / PROGRESS, {"training_iteration": self._iteration, "time_total_s": self._time_total})
        if final.exists():  # of an epoch that was lost with the driver
            shutil.rmtree(final)
        partial.rename(final)

    def restore(self, checkpoint_path: _TrainingResult) -> None:
        """Go on from this checkpoint, or from the newest before it that is whole, or else from the beginning."""
        newest = Path(checkpoint_path.checkpoint.path)
        for folder in _and_before(newest):
            try:
                # Of the newest one Ray knows it; those of version 0.4 have no such file.
                progress = checkpoint_path.metrics if folder == newest else json.loads((folder / PROGRESS).read_text())
                self._iteration, self._time_total = int(progress["training_iteration"]), progress["time_total_s"]
                self.load_checkpoint(str(folder))
            except (CheckpointError, OSError, ValueError, KeyError, TypeError) as error:
                self._say(f"{folder.name} cannot be used: {error}")
                continue
            break
        else:
            self._say("no checkpoint can be used: the trial begins anew")
            self._iteration, self._time_total = 0, 0.0
            self.reset_config(self.config)
        self._time_since_restore, self._iterations_since_restore = 0.0, 0
        self._restored = True

    def _say(self, line: str) -> None:
        """To the log of the trial that runs now."""
        with (self._folder() / TRIAL_LOG).open("a", encoding="utf-8") as log:
            log.write(f"{datetime.now(UTC).isoformat(timespec='seconds')}  {line}\n")

    def _folder(self) -> Path:
        """runs/<search>/<trial>, wherever the search lies now: written to directly, since Ray's own working folder is
        temporary."""
        folder = Path(self._storage.trial_fs_path)
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def _patiently(write: Callable[[], None]) -> None:
    """`write`, tried again while the disk is full, read-only or gone, up to PATIENCE seconds: a trial that waits loses
    nothing, one that fails loses an epoch each time."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return write()
        except (OSError, SafetensorError):
            if time.monotonic() > until:
                raise
            time.sleep(PAUSE)


def _and_before(newest: Path) -> Iterator[Path]:
    """A checkpoint's folder, then its elders, the youngest first."""
    yield newest
    yield from sorted((each for each in newest.parent.glob("checkpoint_*") if each.name < newest.name), reverse=True)


class RayTrial(Sturdy):
    """config: {"shared": {"settings", "store", "cpus", "store_hash", "deterministic", "compile"}, group: {name: value},
    ...}. Of "shared" the last three may be missing: any store will do, and both are off.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self._trial: Trial | None = None
        self._bench: Workbench | None = None
        self._store: Store | None = None
        torch.set_num_threads(max(1, int(config[SHARED]["cpus"])))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Free the last trial. The next one is built in the first step(), where an error is its own: Ray would blame
        the old one for an error raised here, and hang on a False."""
        self._trial = None
        if self._bench is not None:
            self._bench.clear()
        return True

    def cleanup(self) -> None:
        self._trial = self._bench = self._store = None

    def step(self) -> dict[str, Any]:
        trial = self._current()
        try:
            metrics = trial.run_epoch()
        except DivergedError as error:
            return self._diverged(trial, error)
        if metrics["best_epoch"] == metrics["epoch"]:
            _patiently(lambda: checkpoint.export_best(trial, self._folder()))
        return metrics

    def _diverged(self, trial: Trial, error: DivergedError) -> dict[str, Any]:
        """The last result of a trial that fails for good: the same numbers again would only diverge again.

        Raised, the error would be tried again by Ray and hidden from Optuna, which would propose the neighbours.
        """
        (self._folder() / "error.txt").write_text(f"{error}\n")
        best = trial.best
        return {
            "epoch": trial.epoch,
            "val_f1": 0.0,
            "val_f1_best": best.val_f1 if best else 0.0,
            "best_epoch": best.epoch if best else None,
            "diverged": str(error),
            "done": True,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        checkpoint.save(self._current().state_dict(), Path(checkpoint_dir))

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Go on from a checkpoint. What the trial's folder holds as its best may be of an epoch that was lost
        with the worker, so it is written again."""
        trial = self._current()
        trial.load_state_dict(checkpoint.load(Path(checkpoint_dir)))
        checkpoint.export_best(trial, self._folder())

    def _current(self) -> Trial:
        if self._trial is None:
            shared = self.config[SHARED]
            store = self._store_of(shared)
            config = TrialConfig.from_flat({**shared["settings"], **flat(self.config)})
            bench = self._bench_of(shared)
            self._say(f"seed {config.train.seed}; {device.describe(bench.device, shared.get('deterministic', False))}")
            self._trial = Trial(config, store, bench)
        return self._trial

    def _store_of(self, shared: dict[str, Any]) -> Store:
        """Opened, and if need be copied to this node, in the first trial's first step; kept for the others."""
        if self._store is None:
            self._store = node_copy.open_store(shared["store"], shared.get("store_hash"), say=self._say)
        return self._store

    def _bench_of(self, shared: dict[str, Any]) -> Workbench:
        """Made in the first trial's first step, kept for the others."""
        if self._bench is None:
            chosen = device.choose(deterministic=shared.get("deterministic", False))
            self._bench = Workbench(chosen, compile=shared.get("compile", False), say=self._say)
        return self._bench


def flat(config: dict[str, Any]) -> dict[str, Any]:
    """The searched values of a Ray config: {"loss": {"smoothing": .1}, "shared": ...} -> {"loss/smoothing": .1}."""
    return {
        f"{group}/{name}": value
        for group, values in config.items()
        if group != SHARED
        for name, value in values.items()
    }
