"""Makes parts in processes of this machine, one a core or a few, where photos only have to be decoded.

Threads that decode small photos wait for Python's lock more than they work: a chip of 200x200 takes a millisecond, and
a third of that is Python. Processes take a second to start, which a few thousand photos repay.

A process is given a part at a time through its standard input, and ends when that does: however this one ends, none is
left behind.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from queue import SimpleQueue
from typing import BinaryIO

from common.errors import MasktuneError, PhotoError, StoreError
from common.repository import ROOT
from data_prep.layouts.listing import Photo
from data_prep.prepare.parts import Job, Part, Record, Said, make
from data_prep.workers import Threads

PARTS_EACH = 8
"""Parts of 256 photos that a process is started for at least: they repay its start, and many cores little memory."""

TOLD_SECONDS = 0.2
"""A process keeps what it has to tell at least so long: to tell it costs both sides as much as a tenth of a photo."""

COMMAND = (sys.executable, "-c", "from data_prep.prepare.processes import serve; serve()")


def how_many(parts: Sequence[Part], job: Job, cores: int) -> int:
    """Say how many processes are sooner done than so many threads, which share one segmenter; fewer than 2: none."""
    return 0 if job.background.segment else min(cores, len(parts) // PARTS_EACH)


def make_apart(parts: Sequence[Part], job: Job, number: int, cores: int, said: Said) -> Generator[tuple[Part, Record]]:
    """Make the parts in `number` processes, which share the cores; yields each when it is done.

    Raises:
        StoreError: as for `parts.make`, or a process dies; the parts done before it are done.
    """
    free: SimpleQueue[_Process] = SimpleQueue()

    def make_one(part: Part) -> Record:
        process = free.get()
        try:
            return process.make(part, said)
        finally:
            free.put(process)

    with ExitStack() as stack, ThreadPoolExecutor(number) as hands:
        threads = -(-cores // number)
        started = [stack.enter_context(_Process(job, threads)) for _ in range(number)]
        for process in started:
            free.put(process)
        made = {hands.submit(make_one, part): part for part in parts}
        try:
            for future in as_completed(made):
                yield made[future], future.result()
        finally:
            for future in made:
                future.cancel()
            for process in started:
                process.kill()  # and whoever listens to it hears of it


class _Process:
    """One process; a context manager that ends it, also in the middle of a part."""

    def __init__(self, job: Job, threads: int) -> None:
        # In a session of its own: Ctrl-C reaches all processes of a terminal, and this one's says when they stop.
        self._process = subprocess.Popen(
            COMMAND, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        assert self._process.stdin is not None
        pickle.dump((job, threads), self._process.stdin)

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        with suppress(BrokenPipeError), self._process:  # which closes its pipes
            pass

    def kill(self) -> None:
        self._process.kill()

    def make(self, part: Part, said: Said) -> Record:
        """Do as `parts.make`."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            pickle.dump(part, self._process.stdin)
            self._process.stdin.flush()
            for photo in part.photos:
                if not isinstance(told := pickle.load(self._process.stdout), (PhotoError, type(None))):
                    raise told
                said(photo, told)
            answer = pickle.load(self._process.stdout)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            raise StoreError(
                "a process that decoded photos died: look at this machine's memory; what is done is kept: run the same "
                "command again, with fewer --workers"
            ) from None
        if isinstance(answer, MasktuneError):
            raise answer
        assert isinstance(answer, Record)
        return answer


def serve() -> None:
    """Make the parts that standard input names, as long as somebody is there: what a process does."""
    try:
        _serve(sys.stdin.buffer, sys.stdout.buffer)
    except (EOFError, BrokenPipeError):
        os._exit(0)  # without a last try to tell what nobody hears


def _serve(incoming: BinaryIO, outgoing: BinaryIO) -> None:
    sys.stdout = sys.stderr  # whoever prints, prints there
    told_at = time.monotonic()
    job, number = pickle.load(incoming)

    def said(photo: Photo, error: PhotoError | None) -> None:
        nonlocal told_at
        pickle.dump(error, outgoing)
        if time.monotonic() - told_at > TOLD_SECONDS:
            outgoing.flush()
            told_at = time.monotonic()

    with Threads(number) as threads:
        while True:
            part = pickle.load(incoming)
            try:
                answer: Record | MasktuneError = make(part, job, threads, said)
            except MasktuneError as error:
                answer = error
            pickle.dump(answer, outgoing)
            outgoing.flush()
