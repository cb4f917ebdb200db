"""Parts made in processes of this machine, a whole part in each: for decoding alone, at which threads wait for one
another's Python more than they decode."""

from __future__ import annotations

import multiprocessing
import signal
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from data_prep.layouts.listing import Photo
from data_prep.parts import Job, Part, Record, Said, make
from errors import MasktuneError, PhotoError, StoreError

WORTH_IT = 32
"""Parts from which on it is quicker, the start of the processes included: some seconds."""

SPARE = 1
"""Processes beside those that were asked for: while one flushes its shard to the disk, the others decode."""

TELL = 32
"""Photos between two reports of a process."""

END_SECONDS = 10


@dataclass
class Worker:
    """A process, our end of its pipe, and the part that it is at."""

    process: BaseProcess
    pipe: Connection
    part: Part
    photos: Iterator[Photo]

    def begin(self, part: Part) -> None:
        self.part, self.photos = part, iter(part.photos)
        with suppress(OSError):  # it died, which `_told` says
            self.pipe.send(part)


def make_apart(parts: Sequence[Part], job: Job, workers: int, said: Said) -> Generator[tuple[Part, Record]]:
    """Make the parts; yields each when it is done.

    Raises:
        StoreError: as for `parts.make`, or a process died; the parts done before it are done.
    """
    waiting = deque(parts)
    with _hired(min(workers + SPARE, len(parts)), job) as hired:
        for worker in hired.values():
            worker.begin(waiting.popleft())
        while hired:
            for pipe in wait(list(hired)):
                worker = hired[pipe]  # type: ignore[index]
                told = _told(worker)
                if isinstance(told, MasktuneError):
                    raise told
                if isinstance(told, Record):
                    yield worker.part, told
                    if waiting:
                        worker.begin(waiting.popleft())
                    else:
                        del hired[worker.pipe]
                        worker.pipe.close()
                else:
                    for error in told:
                        said(next(worker.photos), error)


def _told(worker: Worker) -> Record | MasktuneError | list[PhotoError | None]:
    """A part's record, why it cannot be made, or what became of its next photos."""
    try:
        told: Record | MasktuneError | list[PhotoError | None] = worker.pipe.recv()
        return told
    except (EOFError, OSError):
        worker.process.join(END_SECONDS)
        raise StoreError(
            f"a worker process died (exit code {worker.process.exitcode}; out of memory?); what is done is kept: "
            "run the same command again, with fewer --workers"
        ) from None


@contextmanager
def _hired(number: int, job: Job) -> Iterator[dict[Connection, Worker]]:
    """Processes that end when our ends of their pipes are closed: by us, or because this process was killed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    hired, processes = {}, []
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # Ctrl-C is this process's to answer
    try:
        for _ in range(number):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, job), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            hired[ours] = Worker(process, ours, Part(-1, [], []), iter([]))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    pipes = list(hired)
    try:
        yield hired
    finally:
        for pipe in pipes:
            pipe.close()
        for process in processes:
            process.join(END_SECONDS)
            process.terminate()


def _serve(pipe: Connection, job: Job) -> None:
    """In a process: make the parts that come through the pipe, until it closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with suppress(EOFError, OSError):
        while True:
            part: Part = pipe.recv()
            try:
                pipe.send(make(part, job, None, _Report(pipe, len(part.photos))))
            except MasktuneError as error:
                pipe.send(error)


class _Report:
    """Of what became of the photos, some at a time."""

    def __init__(self, pipe: Connection, photos: int) -> None:
        self._pipe, self._left = pipe, photos
        self._news: list[PhotoError | None] = []

    def __call__(self, photo: Photo, error: PhotoError | None) -> None:
        self._news.append(error)
        self._left -= 1
        if len(self._news) == TELL or not self._left:
            self._pipe.send(self._news)
            self._news = []
