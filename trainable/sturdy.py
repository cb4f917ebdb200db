"""How a worker of Ray's reports, saves and restores, whatever it trains."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ray import tune
from ray.train._internal.session import _TrainingResult
from safetensors import SafetensorError

from errors import CheckpointError, ReportError
from files import TRIAL_LOG, write_json

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
        patiently(lambda: self._write(final))
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


def patiently(write: Callable[[], None]) -> None:
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
