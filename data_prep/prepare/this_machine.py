"""Makes parts on this machine: threads share one segmenter, and the next part begins while the last one is written."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from threading import Event

from common.errors import PhotoError
from data_prep.layouts.listing import Photo
from data_prep.prepare.parts import Job, Part, Record, Said, make
from data_prep.workers import Threads

AT_A_TIME = 2
"""Parts in the making: while one is flushed to the disk, the threads are at the other."""


def make_here(parts: Sequence[Part], job: Job, threads: int, said: Said) -> Generator[tuple[Part, Record]]:
    """Make the parts with so many threads; yields each when it is done.

    Raises:
        StoreError: as for `parts.make`; the parts done before it are done.
    """
    stopped = Event()

    def say_on(photo: Photo, error: PhotoError | None) -> None:
        if stopped.is_set():
            raise CancelledError
        said(photo, error)

    with Threads(threads) as pool, ThreadPoolExecutor(AT_A_TIME) as hands:
        made = {hands.submit(make, part, job, pool, say_on): part for part in parts}
        try:
            for future in as_completed(made):
                yield made[future], future.result()
        finally:
            stopped.set()
            for future in made:
                future.cancel()
