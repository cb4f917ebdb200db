"""Makes parts on this machine: in threads that share one segmenter, or in processes where there is none to share."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from threading import Event

from common.errors import PhotoError, StoreError
from data_prep.layouts.listing import Photo
from data_prep.prepare.parts import Job, Part, Record, Said, make
from data_prep.processes import pool_of, stopped
from data_prep.workers import Threads

AT_A_TIME = 2
"""Parts in the making: while one is flushed to the disk, the threads are at the other."""

FEWEST = 2000
"""Photos that processes are started for: it takes half a second, and each of them holds Python again."""


def make_here(
    parts: Sequence[Part], job: Job, workers: int, said: Said, processes: bool = False
) -> Generator[tuple[Part, Record]]:
    """Make the parts with so many threads; yields each when it is done.

    Args:
        processes: there may be processes in place of threads, where they are worth it.

    Raises:
        StoreError: as for `parts.make`, or a process was killed; the parts done before it are done.
    """
    many = sum(len(part.photos) for part in parts) >= FEWEST
    make_all = _in_processes if processes and many and workers > 1 and job.background.segment is None else _in_threads
    return make_all(parts, job, workers, said)


def _in_threads(parts: Sequence[Part], job: Job, threads: int, said: Said) -> Generator[tuple[Part, Record]]:
    ended = Event()

    def say_on(photo: Photo, error: PhotoError | None) -> None:
        if ended.is_set():
            raise CancelledError
        said(photo, error)

    with Threads(threads) as pool, ThreadPoolExecutor(AT_A_TIME) as hands:
        made = {hands.submit(make, part, job, pool, say_on): part for part in parts}
        try:
            for future in as_completed(made):
                yield made[future], future.result()
        finally:
            ended.set()
            for future in made:
                future.cancel()


def _in_processes(parts: Sequence[Part], job: Job, number: int, said: Said) -> Generator[tuple[Part, Record]]:
    with pool_of(number) as pool:
        made = {pool.submit(_make, part, job): part for part in parts}
        try:
            for future in as_completed(made):
                part, record = made[future], future.result()
                yield part, record
                for position, photo in enumerate(part.photos):
                    why = record.left_out.get(position)
                    said(photo, PhotoError(why) if why else None)
        except BrokenProcessPool:
            raise StoreError(
                "a process that decoded photos was killed, as one is where memory runs out; what is done is kept: run "
                "the same command again, with fewer --workers"
            ) from None


def _make(part: Part, job: Job) -> Record:
    return make(part, job, None, _go_on)


def _go_on(*_: object) -> None:
    if stopped():
        raise CancelledError
