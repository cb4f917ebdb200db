"""Work that the search does not wait for: in a thread, seldom, and never twice at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Aside:
    """It does a piece of work now and then, beside what else this process does.

    Args:
        every: seconds between two looks whether there is something to do, at least.
        share: of the time, at most, which work that takes long may take.
        first: seconds until the first look.
    """

    def __init__(self, every: float, share: float, first: float = 0.0) -> None:
        self._every, self._share = every, share
        self._next = time.monotonic() + first
        self._thread: threading.Thread | None = None

    def is_due(self) -> bool:
        """Say whether to look for work now; if so, the next look is later."""
        working = self._thread is not None and self._thread.is_alive()
        if working or time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + self._every
        return True

    def begin(self, work: Callable[[], None]) -> None:
        """Begin a piece of work, which raises nothing."""
        self._thread = threading.Thread(target=self._do, args=(work,), daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for what is being done."""
        if self._thread:
            self._thread.join()

    def _do(self, work: Callable[[], None]) -> None:
        began = time.monotonic()
        work()
        self._next = max(self._next, began + (time.monotonic() - began) / self._share)
