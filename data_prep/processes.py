"""Works in processes that end with this one: for tasks so short that threads would wait for Python's lock."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import forkserver, get_context, parent_process
from multiprocessing.synchronize import Event
from threading import Thread

_CONTEXT = get_context("forkserver")  # a process that has threads, as this may, is not to be forked

_stopped: Event | None = None
"""In a process: set where nobody waits for its results any more."""


def get_ready(*modules: str) -> bool:
    """Start the process that others are forked from, which imports `modules` while this one goes on.

    Each of the others imports the program's main module, too, which must therefore do nothing when it is imported.

    Returns:
        whether there can be such processes.
    """
    _CONTEXT.set_forkserver_preload([*modules])
    try:
        forkserver.ensure_running()
    except OSError:  # the name of the folder for temporary files is too long for a socket in it
        return False
    return True


@contextmanager
def pool_of(number: int) -> Generator[ProcessPoolExecutor]:
    """Give so many processes; what they are at when the block ends is stopped where it asks `stopped`."""
    ended = _CONTEXT.Event()
    with ProcessPoolExecutor(number, _CONTEXT, _settle, (ended,)) as pool:
        try:
            yield pool
        finally:
            ended.set()
            pool.shutdown(cancel_futures=True)


def stopped() -> bool:
    """Say, in a process, whether to stop."""
    return _stopped is not None and _stopped.is_set()


def _settle(ended: Event) -> None:
    global _stopped
    _stopped = ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all of them, and the first one says what to do
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    if parent := parent_process():
        parent.join()
    os._exit(1)
