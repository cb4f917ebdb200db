"""How a program ends on Ctrl-C and on SIGTERM: once is gracefully, twice is at once; both leave no process behind."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED, TERMINATED = 130, 143
"""Exit codes, as a shell counts them: 128 and the signal."""


def ended(command: Callable[[], int]) -> int:
    """Run `command`, which answers Ctrl-C with `INTERRUPTED`; SIGTERM does to it what Ctrl-C does, with `TERMINATED`.

    A Ray that it started ends with it, however it ends.
    """
    terminated = False

    def terminate(number: int, frame: FrameType | None) -> None:
        nonlocal terminated
        terminated = True
        interrupt = signal.getsignal(signal.SIGINT)  # Ray Tune's while it runs a search, for one time
        if not callable(interrupt):  # ignored, as in the background of a shell
            raise KeyboardInterrupt
        interrupt(signal.SIGINT, frame)

    signal.signal(signal.SIGTERM, terminate)
    try:
        code = command()
    finally:
        _end_ray()
    return TERMINATED if terminated and code == INTERRUPTED else code


@contextmanager
def kept(number: signal.Signals) -> Iterator[None]:
    """The handler of a signal is afterwards what it was, if it was one: Ray installs its own and leaves it there."""
    handler = signal.getsignal(number)
    try:
        yield
    finally:
        if callable(handler) and threading.current_thread() is threading.main_thread():
            signal.signal(number, handler)


@contextmanager
def blocked(number: signal.Signals) -> Iterator[None]:
    """Processes and threads that are started within never get this signal; this thread gets it afterwards."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {number})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_ray() -> None:
    """No signal may cut it short: what it has not ended by then would stay."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    if shutdown := getattr(sys.modules.get("ray"), "shutdown", None):
        shutdown()
