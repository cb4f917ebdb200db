"""Writes the states of a search, and puts the newest whole one where Ray looks for it.

Ray writes its state every second or so and copies it into the search's folder in the background, file by file: a
driver that is killed may leave half a copy. Here the files of one moment get their folder's name together, when they
are on the disk. common/search_state.py says what is in one, and reads them.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from common import search_state
from common.errors import SearchError
from common.files import file_sha256, flush, new_folder, replacing, write_json
from common.search_folder import SEARCH, STATE
from common.search_record import SearchRecord
from common.search_state import MANIFEST, TRIALS

RAYS = ("experiment_state-*.json", "search_gen_state-*.json", "searcher-state-*.pkl")
"""The trials, how many were started, and the study."""

KEPT = 2
"""The newest states, which are kept in any case."""

AGE = 180.0
"""Seconds between two older states that are kept beside them: one is always that old, and at most twice."""


class States:
    """The states of the search in a folder, of which this process alone writes new ones.

    A new one has the number after the highest there is. Of what this machine's clock says nothing depends on.
    """

    def __init__(self, search: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._search, self._folder, self._clock = search, search / STATE, clock
        self._older = [int(each.name) for each in search_state.states(search)[:-KEPT]][-2:]
        self._when: float | None = None

    def keep(self, files: Iterable[Path], record: SearchRecord, trials: Mapping[str, Any]) -> None:
        """Write a state of Ray's three files, what search.json says, and trials.json; remove those that it replaces.

        Raises:
            OSError: it cannot be written; the last ones are still there.
        """
        if not self._folder.exists():
            self._folder.mkdir()
            flush(self._search)
        number = max((int(each.name) for each in self._folder.iterdir() if each.name.isdecimal()), default=0) + 1
        with new_folder(self._folder / f"{number:06d}", alone=True) as fresh:
            for file in files:
                shutil.copyfile(file, fresh / file.name)
            # Flushed with their folder.
            write_json(fresh / SEARCH, record.to_json(), flushed=False)
            (fresh / TRIALS).write_text(json.dumps(trials))
            hashes = {file.name: file_sha256(file) for file in sorted(fresh.iterdir())}
            write_json(fresh / MANIFEST, hashes, flushed=False)
        self._age(number)
        self._remove_replaced()

    def record(self, record: SearchRecord) -> None:
        """Write a state that differs from the newest in what search.json says, where there is one."""
        if newest := search_state.newest(self._search):
            self.keep(of_ray(newest), record, search_state.trials_of(self._search) or {})

    def _age(self, number: int) -> None:
        """Of the older ones keep one that is `AGE` old, and one that will be."""
        now = self._clock()
        if self._when is None or now - self._when >= AGE:
            self._older, self._when = [*self._older[-1:], number], now

    def _remove_replaced(self) -> None:
        there = search_state.states(self._search)
        for each in there[:-KEPT]:
            if int(each.name) not in self._older:
                shutil.rmtree(each, ignore_errors=True)


def of_ray(folder: Path) -> list[Path]:
    """Ray's three files in a state; none where one lacks."""
    found = [list(folder.glob(pattern)) for pattern in RAYS]
    return [files[0] for files in found] if all(len(files) == 1 for files in found) else []


def install(folder: Path) -> None:
    """Put the newest whole state of the search in `folder` where Ray looks for it.

    Raises:
        SearchError: none of them is whole.
    """
    copies, whole = search_state.states(folder), search_state.newest(folder)
    if copies and whole is None:
        raise SearchError(
            f"{folder / STATE}: the state of the search cannot be read, none of its {len(copies)} copies is whole; "
            "put one back from a backup, or start another search"
        )
    if whole is None:  # of a version that kept none: Ray's own copy is all there is
        return
    for pattern in RAYS:
        for old in folder.glob(pattern):
            old.unlink()
    for file in of_ray(whole):
        with replacing(folder / file.name, alone=True) as fresh:
            shutil.copyfile(file, fresh)


def exists(folder: Path) -> bool:
    """Whether a search has come far enough to leave a state."""
    return bool(search_state.states(folder)) or all(any(folder.glob(pattern)) for pattern in RAYS)
