"""What one process on a machine of a cluster does: it makes parts, with a segmenter of its own."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

from common.errors import MasktuneError, StoreError
from data_prep.photos import background as backgrounds
from data_prep.prepare.parts import Job, Part, Record, make
from data_prep.workers import Threads


class Worker:
    """One process on one machine: its own segmenter, shared by threads. Ray runs AT_A_TIME of its `make`s at once."""

    def __init__(self, job: Job, background: str, versions: dict[str, str], threads: int) -> None:
        self._job = job
        self._background = background
        self._versions = versions
        self._threads = Threads(threads)
        self._done: Counter[int] = Counter()

    def ready(self) -> None:
        """Load the segmenter. Not done when the worker is made: Ray would hide what went wrong."""
        folder, machine = self._job.folder, os.uname().nodename
        if not folder.is_dir():
            raise StoreError(
                f"{machine} does not see {folder}: put --images and --out on storage that all machines share"
            )
        try:
            loaded = replace(backgrounds.load(self._background), implausible=self._job.background.implausible)
            self._job = replace(self._job, background=loaded)
        except MasktuneError as error:
            raise type(error)(f"on {machine}: {error}") from None
        if (here := self._job.background.versions()) != self._versions:
            raise StoreError(
                f"{machine} has {here}, where {self._versions} are needed: install the same on all machines"
            )

    def make(self, part: Part) -> Record:
        def said(*_: object) -> None:
            self._done[part.number] += 1

        return make(part, self._job, self._threads, said)

    def done(self, numbers: list[int]) -> int:
        """Count the photos of these parts that are done."""
        return sum(self._done[number] for number in numbers)
