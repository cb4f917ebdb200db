"""What is tried again while a disk or a storage takes nothing."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from typing import TypeVar

PAUSE = 2.0
"""Seconds between two tries."""

Returned = TypeVar("Returned")


def patiently(
    act: Callable[[], Returned],
    *,
    errors: tuple[type[Exception], ...] = (OSError,),
    seconds: float = math.inf,
    ended: threading.Event | None = None,
    on_wait: Callable[[Exception], None] = lambda error: None,
    on_success: Callable[[], None] = lambda: None,
) -> Returned:
    """Call `act` until it succeeds. What it did before it failed must do no harm when it is done twice.

    Args:
        errors: those that are waited for.
        seconds: after which no more is tried.
        ended: ends the wait at once.
        on_wait: told of the first error.
        on_success: called after a wait that was not in vain.

    Raises:
        The last of `errors`, where `seconds` are over or `ended` is set; every other one.
    """
    began, waited = time.monotonic(), False
    while True:
        try:
            result = act()
        except errors as error:
            if not waited:
                on_wait(error)
            waited = True
            ended = ended or threading.Event()
            if time.monotonic() > began + seconds or ended.wait(PAUSE):
                raise
            continue
        if waited:
            on_success()
        return result
