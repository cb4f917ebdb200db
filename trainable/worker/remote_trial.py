"""A trial whose files are kept at an address: this machine has a copy of those that its worker works with.

<uri>/trial-001/checkpoint_000003/    progress.json comes last and goes first: without it the rest does not count
                    best.safetensors, val_predictions.npz, trial.log, error.txt

The copies lie in the cache, as trials/<...>/trial-001, for as long as the trial runs there: of the checkpoints the
newest. A worker holds a lock on the folder of its trial, and removes those that nobody holds.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout

from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import UriError
from common.files import new_folder
from common.search_folder import BEST_WEIGHTS, PROGRESS, TRIAL_ERROR, TRIAL_LOG, VAL_PREDICTIONS

RECORDS = (BEST_WEIGHTS, VAL_PREDICTIONS, TRIAL_LOG, TRIAL_ERROR)
LOCK = ".worker"


class RemoteTrial:
    """One trial of the search at `search`, whose folder here is `here`.

    Every method may raise the storage's OSError.
    """

    def __init__(self, search: str, name: str, there: RemoteFolder, log: bytes | None) -> None:
        """`log` is what other machines have said of the trial."""
        self.search, self.name = search, name
        self.here = uris.place("trials", search) / name
        self._there = there
        self._pushed: dict[str, tuple[int, int]] = {}
        self._lock = _locked(self.here)
        _remove_abandoned_copies(self.here)
        if log is not None:
            (self.here / TRIAL_LOG).write_bytes(log)

    @classmethod
    def of(cls, search: str, name: str) -> RemoteTrial:
        there = _folder(search) / name
        return cls(search, name, there, there.read(TRIAL_LOG))

    def close(self) -> None:
        """Remove this machine's copy: the trial has left it."""
        shutil.rmtree(self.here, ignore_errors=True)
        self._lock.release()

    def push_records(self) -> None:
        """Upload what there is beside checkpoints, as far as it has changed or is gone from there."""
        found = self._there.list()
        for name in RECORDS:
            file = self.here / name
            if not file.exists():
                continue
            status = file.stat()
            now = (status.st_size, status.st_mtime_ns)
            if self._pushed.get(name) != now or name not in found:
                self._there.upload(file, name)
                self._pushed[name] = now

    def push_checkpoint(self, name: str) -> None:
        """Upload the checkpoint of this name; then the others' copies here are removed."""
        folder = self.here / name
        self._there.remove(f"{name}/{PROGRESS}")  # of an epoch that was lost with the driver
        files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != PROGRESS)
        for file in (*files, folder / PROGRESS):
            self._there.upload(file, f"{name}/{file.relative_to(folder).as_posix()}")
        for other in self.here.glob("checkpoint_*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)

    def checkpoints(self, newest: str) -> list[str]:
        """Name the checkpoints that are whole at the address, up to `newest`, the youngest first."""
        found = (name.split("/") for name in self._there.list())
        return up_to(newest, (parts[0] for parts in found if len(parts) == 2 and parts[1] == PROGRESS))

    def has(self, name: str) -> bool:
        """Say whether this machine's copy is the same one: an epoch that was lost with the driver is done again, maybe
        elsewhere, and its times differ."""
        progress = self.here / name / PROGRESS
        return progress.exists() and progress.read_bytes() == self._there.read(f"{name}/{PROGRESS}")

    def fetch(self, name: str) -> bool:
        """Copy a checkpoint here; False if it is gone."""
        if not (files := self._there.list(name)):
            return False
        try:
            with new_folder(self.here / name, alone=True) as fresh:
                for file in files:
                    self._there.download(file, fresh / file.removeprefix(f"{name}/"))
                shutil.rmtree(self.here / name, ignore_errors=True)
        except FileNotFoundError:
            return False
        return True


def up_to(newest: str, names: Iterable[str]) -> list[str]:
    """Order names of checkpoints by their numbers, the greatest first, from `newest` on; others are left out."""
    numbers = {int(found[1]): name for name in names if (found := _CHECKPOINT.fullmatch(name))}
    last = _CHECKPOINT.fullmatch(newest)
    return [numbers[number] for number in sorted(numbers, reverse=True) if last and number <= int(last[1])]


_CHECKPOINT = re.compile(r"checkpoint_(\d+)")


def fetched(hub: str) -> Path:
    """Find torch hub's folder; of one at an address, this machine's copy. Raises the storage's OSError."""
    if not uris.is_uri(hub):
        return Path(hub)
    here, there = uris.place("torch", hub), _folder(hub)
    for name, entry in there.list().items():
        there.fetch(name, entry, here / name)
    return here


def _folder(uri: str) -> RemoteFolder:
    try:
        return RemoteFolder.of(uri)
    except UriError as error:  # some storages are asked for it
        raise OSError(str(error)) from None


def _locked(folder: Path) -> FileLock:
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    with contextlib.suppress(Timeout):  # of a worker that hangs, whose trial this is now
        lock.acquire()
    return lock


def _remove_abandoned_copies(mine: Path) -> None:
    """The system frees the lock of a worker that dies; its trial goes on where the address is seen."""
    for folder in mine.parent.iterdir():
        if folder == mine:
            continue
        with contextlib.suppress(OSError, Timeout), FileLock(folder / LOCK, timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
