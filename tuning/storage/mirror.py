"""A search that is kept at an address: the driver works in a folder of this machine, its mirror, and what changes there
goes to the address; what a search goes on from is fetched from there.

Only the driver's own files are in the mirror. Trials' checkpoints, weights and predictions are taken to the address by
their workers (trainable/worker/remote_trial.py), and removed there by the driver. What is at the address is whole at
any moment: search.json comes first; a state after the records that it speaks of, its manifest.json last; and a
checkpoint is removed when no state there names it.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path

from common import search_state
from common.addresses.remote_folder import Entry, RemoteFolder
from common.patience import patiently
from common.search_folder import BEST_WEIGHTS, PROGRESS, SEARCH, STATE, VAL_PREDICTIONS
from common.security import terminal
from tuning.background import meanwhile
from tuning.ownership.lock import Ownership
from tuning.storage import removal
from tuning.storage.states import RAYS

THREADS = 8
"""Files at a time."""

PERIOD, QUIET = 1.0, 10.0
"""Seconds between two looks for a new state, and without one until the address is asked whether it answers."""

LOOK = 60.0
"""Seconds between two looks whether all is still there."""

TRIALS = "trial-"
"""What trials' folders begin with."""


class Mirror:
    """The search at an address and its folder here.

    Attributes:
        waiting: set while the address does not answer: workers wait for it too.
    """

    def __init__(self, folder: Path, there: RemoteFolder) -> None:
        self.waiting = threading.Event()
        self._folder, self._there = folder, there
        self._pushed: dict[str, tuple[int, int]] = {}
        self._states: set[str] = set()
        self._of_workers: set[str] = set()
        self._removals: deque[tuple[str, str]] = deque()

    @property
    def is_new(self) -> bool:
        """Whether no search is there yet; what this machine has of another one of that name is then removed."""
        if self._there.entry(SEARCH) is not None:
            return False
        for each in self._folder.glob("[!.]*"):
            shutil.rmtree(each, ignore_errors=True) if each.is_dir() else each.unlink()
        return True

    def pull(self) -> None:
        """Make the folder as the address is, as far as a search goes on from it: this machine may have what another one
        has gone on from since."""
        found = self._there.list()
        shutil.rmtree(self._folder / STATE, ignore_errors=True)
        for name in [name for name, _ in self._records() if name not in found]:
            (self._folder / name).unlink()
        self._states = {name.split("/")[1] for name in found if name.startswith(f"{STATE}/")}
        fetch(self._there, self._folder, {name: found[name] for name in found if _is_needed_to_go_on(name)})
        for name, status in self._records():
            if name in found:
                self._pushed[name] = status

    def push(self) -> None:
        """What has changed here since the last time, and what was removed."""
        due = [self._removals[number] for number in range(len(self._removals))]
        states = self._whole_states()  # after `due`: none of these names what is removed
        self._push_records()
        for name, files in states.items():
            if name not in self._states:
                self._push_state(name, files)
        for old in self._states - set(states) if states else ():
            self._there.remove(f"{STATE}/{old}/{search_state.MANIFEST}")
            self._there.remove_folder(f"{STATE}/{old}")
        self._states &= set(states) or self._states
        for folder, pattern in due:
            self._remove(folder, pattern)
            self._removals.popleft()

    def remove(self, folder: Path, pattern: str) -> None:
        """Also at the address, when a state that says so is there: what `pattern` matches in a folder of the search."""
        removal.remove(folder, pattern)
        name = folder.relative_to(self._folder).as_posix()
        self._of_workers = {each for each in self._of_workers if not fnmatchcase(each, f"{name}/{pattern}")}
        self._removals.append((name, pattern))

    @contextmanager
    def followed(self, own: Ownership) -> Iterator[None]:
        """Within, what changes is pushed after each of the search's states, in a thread; at the end, all of it. Nothing
        is once another process owns the search."""
        with meanwhile(partial(self._follow, own)):
            yield
        own.check()
        self._until_answered(self.push)

    def _follow(self, own: Ownership, ended: threading.Event) -> None:
        newest, heard, looked = 0, time.monotonic(), time.monotonic()
        while not ended.wait(PERIOD) and not own.lost.is_set():
            now = max((int(each.name) for each in search_state.states(self._folder)), default=0)
            if time.monotonic() - looked > LOOK:
                self._until_answered(self._look, ended)
                looked = time.monotonic()
            if now != newest:
                self._until_answered(self.push, ended)
            elif time.monotonic() - heard > QUIET:
                self._until_answered(self._ask, ended)
            else:
                continue
            newest, heard = now, time.monotonic()

    def _ask(self) -> None:
        """Raises OSError: it does not answer. While all workers wait for it there is no new state to find it out by."""
        self._there.names()

    def _look(self) -> None:
        """See whether all that was put there is there still. The driver's own files are pushed again; of what workers
        put there, and nobody has removed since, it can only be said that it is gone."""
        found = self._there.list()
        lost = [name for name in self._pushed if name not in found]
        lost += [name for name in self._states if f"{STATE}/{name}/{search_state.MANIFEST}" not in found]
        for name in lost:
            self._pushed.pop(name, None)
            self._states.discard(name)
        gone = sorted(name for name in self._of_workers - set(found) if (self._folder / name).parent.exists())
        if lost or gone:
            terminal.say(f"Files at {self._there.uri} are gone that were there: {len(lost)} are put there again.")
        if gone:
            terminal.say(f"Weights that nobody has any more are among them: {', '.join(gone)}.")
        self._of_workers = {name for name in found if name.rpartition("/")[2] in (BEST_WEIGHTS, VAL_PREDICTIONS)}
        if lost:
            self.push()

    def _until_answered(self, ask: Callable[[], None], ended: threading.Event | None = None) -> None:
        """Until the address answers, or the search has `ended`: whoever ends it tries again."""
        try:
            patiently(ask, ended=ended, on_wait=self._wait)
        except OSError:
            return
        if self.waiting.is_set():
            terminal.say(f"{self._there.uri} answers again.")
        self.waiting.clear()

    def _wait(self, error: Exception) -> None:
        if not self.waiting.is_set():
            reason = (str(error).splitlines() or [""])[0]
            terminal.say(f"Waiting for {self._there.uri}: {reason}. The search goes on meanwhile.")
        self.waiting.set()

    def _push_state(self, name: str, files: dict[str, bytes]) -> None:
        """Raises OSError: it is not there afterwards, whatever the storage said."""
        for file, content in files.items():
            self._there.write(f"{STATE}/{name}/{file}", content)
        found = self._there.list(f"{STATE}/{name}")
        for file, content in files.items():
            entry = found.get(f"{STATE}/{name}/{file}")
            if entry is None or entry.size != len(content):
                raise OSError(f"{self._there.uri} does not hold {STATE}/{name}/{file}, which was written there")
        self._states.add(name)

    def _push_records(self) -> None:
        now = dict(self._records())
        changed = [name for name, status in now.items() if self._pushed.get(name) != status]
        changed.sort(key=lambda name: name != SEARCH)
        for name in changed[:1]:  # a search appears with its search.json
            self._upload(name, now[name])
        _at_once(lambda name: self._upload(name, now[name]), changed[1:])
        for name in [name for name in self._pushed if name not in now]:
            self._there.remove(name)
            del self._pushed[name]

    def _upload(self, name: str, status: tuple[int, int]) -> None:
        try:
            self._there.upload(self._folder / name, name)
        except FileNotFoundError:
            if (self._folder / name).exists():
                raise
            return
        self._pushed[name] = status

    def _records(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """The driver's own files: each name with its size and time. Ray's state is in state/, whole."""
        for folder in (self._folder, *self._folder.glob(f"{TRIALS}*")):
            for file in folder.glob("[!.]*"):
                if not file.is_file() or (folder == self._folder and any(map(file.match, RAYS))):
                    continue
                status = file.stat()
                yield file.relative_to(self._folder).as_posix(), (status.st_size, status.st_mtime_ns)

    def _whole_states(self) -> dict[str, dict[str, bytes]]:
        """By name, the bytes of each file, manifest.json last. They are small, and the driver replaces them."""
        while True:
            try:
                return {
                    each.name: {
                        file.name: file.read_bytes()
                        for file in sorted(each.iterdir(), key=lambda file: file.name == search_state.MANIFEST)
                    }
                    for each in search_state.states(self._folder)
                }
            except FileNotFoundError:
                continue

    def _remove(self, folder: str, pattern: str) -> None:
        base, depth = ("" if folder == "." else f"{folder}/"), pattern.count("/") + 1
        names = self._there.list(folder.removeprefix("."))
        found = {"/".join(name.removeprefix(base).split("/")[:depth]) for name in names}
        for name in sorted(each for each in found if fnmatchcase(each, pattern)):
            if f"{base}{name}" in names:
                self._there.remove(f"{base}{name}")
                continue
            self._there.remove(f"{base}{name}/{PROGRESS}")
            self._there.remove_folder(f"{base}{name}")


def fetch(there: RemoteFolder, folder: Path, found: dict[str, Entry]) -> None:
    """Those files, but for those that are here, as large and as old."""
    _at_once(lambda name: there.fetch(name, found[name], folder / name), found)


def _is_needed_to_go_on(name: str) -> bool:
    """Whether a search goes on from a file: not from what workers keep there, TensorBoard's curves, or another search
    within this one."""
    folder, _, file = name.rpartition("/")
    if folder.startswith(TRIALS):
        return "/" not in folder and file not in (BEST_WEIGHTS, VAL_PREDICTIONS) and not file.startswith("events.")
    return not file.startswith(".") and (not folder or folder.startswith(f"{STATE}/"))


def _at_once(one: Callable[[str], None], names: Iterable[str]) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, names))
