"""How a worker of Ray's reports, saves and restores, whatever it trains."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, TypeVar

from ray import tune
from ray.train._internal.session import _TrainingResult
from safetensors import SafetensorError

from common.errors import CheckpointError, ReportError
from common.files import flush, flush_tree, new_folder, write_json
from common.patience import patiently
from common.search_folder import PROGRESS, TRIAL_LOG, URI
from common.security.regular_file import read_json
from trainable.worker.remote_trial import RemoteTrial, up_to

SCORES = ("val_f1", "val_f1_best")
"""What every report must hold, as a finite number from 0 to 1: the scheduler and the sampler go by it. A refit has
seen val, and so has no score."""

PATIENCE = 3600.0
"""Seconds that a worker waits for a disk that takes nothing."""

SHARED = "shared"
"""Key of a trial's Ray config under which everything lies that the search does not vary."""


class DurableTrainable(tune.Trainable):
    """It is a Trainable whose reports are checked, whose checkpoints are whole or absent, and which goes on from the
    one before where the newest is damaged.

    Where config's "shared" names a `URI`, the trial's files go there before a report or checkpoint counts.
    """

    _remote: RemoteTrial | None = None
    _flushing: tuple[Path, Future[None]] | None = None

    @cached_property
    def _flusher(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(1, thread_name_prefix="flush")

    def train(self) -> dict[str, Any]:
        """Train for an epoch, and check what it reports.

        Raises:
            ReportError: a score is none. Ray's own answer to a NaN is to go on for ever, and to text to end the search.
        """
        result: dict[str, Any] = super().train()
        for name in SCORES if self._is_judged() else ():
            value = result.get(name, "nothing")
            if not isinstance(value, int | float) or not 0 <= value <= 1:  # nor is NaN
                raise ReportError(f"{name}: a number from 0 to 1 is needed after every epoch, but got {value!r}")
        if remote := self._at_uri():
            until_taken(remote.push_records)
        return result

    def _is_judged(self) -> bool:
        return not self.config.get(SHARED, {}).get("settings", {}).get("train/refit")

    def save(self, checkpoint_dir: str | None = None) -> _TrainingResult:
        """Write the trial's next checkpoint_NNNNNN where it stays, under a hidden name until it is whole.

        Ray would write to a temporary folder, which a killed worker leaves behind, and copy that file by file.
        """
        metrics = dict(self._last_result or {})
        self._storage._update_checkpoint_index(metrics)
        path = Path(self._storage.checkpoint_fs_path)
        self._wait_for_flush()
        until_taken(lambda: self._write(self._folder() / path.name))
        if remote := self._at_uri():
            until_taken(lambda: remote.push_checkpoint(path.name))
        else:
            self._flush_meanwhile(self._folder() / path.name)
        return _TrainingResult(tune.Checkpoint(str(path), self._storage.storage_filesystem), metrics)

    def _write(self, final: Path) -> None:
        for left in final.parent.glob(".checkpoint_*.partial"):
            shutil.rmtree(left, ignore_errors=True)
        with new_folder(final, alone=True, flushed=False) as fresh:
            self.save_checkpoint(str(fresh))
            progress = {"training_iteration": self._iteration, "time_total_s": self._time_total}
            write_json(fresh / PROGRESS, progress, flushed=False)
            if final.exists():  # of an epoch that was lost with the driver
                shutil.rmtree(final)

    def _flush_meanwhile(self, checkpoint: Path) -> None:
        """Flush a checkpoint while the next epoch trains: hundreds of megabytes take seconds. Until then, after a power
        cut the trial goes on from the one before, which the driver keeps, and which the next save waits for."""
        self._flushing = checkpoint, self._flusher.submit(_flush_checkpoint, checkpoint)

    def _wait_for_flush(self) -> None:
        if self._flushing:
            checkpoint, flushed = self._flushing
            if flushed.exception():
                until_taken(partial(_flush_checkpoint, checkpoint))
            self._flushing = None

    def restore(self, checkpoint_path: _TrainingResult) -> None:
        """Go on from this checkpoint, or from the newest before it that is whole, or else from the beginning."""
        newest = Path(checkpoint_path.checkpoint.path)
        for folder in self._newest_first(newest):
            try:
                # Of the newest one Ray knows it; those of version 0.4 have no such file.
                progress = checkpoint_path.metrics if folder.name == newest.name else read_json(folder / PROGRESS)
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
        """Write a line to the log of the trial that runs now."""
        now = datetime.now(UTC).isoformat(timespec="seconds")

        def append() -> None:
            with (self._folder() / TRIAL_LOG).open("a", encoding="utf-8") as log:
                log.write(f"{now}  {line}\n")

        until_taken(append)

    def _folder(self) -> Path:
        """Find runs/<search>/<trial>, wherever the search lies now: written to directly, since Ray's own working folder
        is temporary. For a search at an address it is the copy on this machine.

        Raises FileNotFoundError: there is no search, since its disk is gone.
        """
        if remote := self._at_uri():
            return remote.here
        folder = Path(self._storage.trial_fs_path)
        folder.mkdir(exist_ok=True)
        return folder

    def _at_uri(self) -> RemoteTrial | None:
        """Find the trial that runs now, if its search is kept at an address."""
        uri = self.config.get(SHARED, {}).get(URI)
        if uri is None:
            return None
        name = Path(self._storage.trial_fs_path).name
        if self._remote and (self._remote.search, self._remote.name) != (uri, name):
            self._leave()
        if self._remote is None:
            self._remote = until_taken(lambda: RemoteTrial.of(uri, name))
        return self._remote

    def _leave(self) -> None:
        if self._remote:
            self._remote.close()
        self._remote = None

    def _newest_first(self, newest: Path) -> Iterator[Path]:
        """List a checkpoint's folder, then its elders, the youngest first."""
        if remote := self._at_uri():
            yield from self._newest_first_at_uri(remote, newest.name)
            return
        until_taken(self._folder)  # on a disk that is gone, no checkpoint could be used
        yield newest
        found = up_to(newest.name, (each.name for each in newest.parent.iterdir()) if newest.parent.is_dir() else ())
        yield from (newest.with_name(name) for name in found if name != newest.name)

    def _newest_first_at_uri(self, remote: RemoteTrial, newest: str) -> Iterator[Path]:
        """List for each checkpoint this machine's copy, if it is the same one, then the address's."""
        found = until_taken(lambda: remote.checkpoints(newest))
        for name in found:
            if until_taken(partial(remote.has, name)):
                yield remote.here / name
            if until_taken(partial(remote.fetch, name)):
                yield remote.here / name

    def stop(self) -> None:
        super().stop()
        self._flusher.shutdown()
        self._leave()


def _flush_checkpoint(folder: Path) -> None:
    """See that a checkpoint is on the disk, unless it has been removed since."""
    with suppress(FileNotFoundError):
        flush_tree(folder)
        flush(folder.parent)


Returned = TypeVar("Returned")


def until_taken(write: Callable[[], Returned]) -> Returned:
    """Call `write`, again and again while the disk or the address is full, read-only or gone, up to PATIENCE seconds: a
    trial that waits loses nothing, one that fails loses an epoch each time."""
    return patiently(write, errors=(OSError, SafetensorError), seconds=PATIENCE)
