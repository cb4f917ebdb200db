"""A process for parts to run in: one that crashes or hangs takes the part with it, and nothing else."""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.serve import TAIL, Done, Look, Ready, kill_session, look_at_torch, serve

LOOK = 0.2
"""Seconds between two looks at whether a silent process still lives: its children may hold its end of the pipe."""

GENTLY = 5.0
"""Seconds that an idle process has to end by itself."""


PLACE = re.compile(r'Current thread [^\n]*\n  File "([^"\n]+)", (line \d+)')
"""In what faulthandler prints."""


class WorkerEndedError(Exception):
    """The process has ended by itself; the message says how."""


class NoAnswerError(Exception):
    """It took longer than it may."""


class Worker:
    """The parent's side. The process is started at once and imports torch.

    Args:
        log: gets what the process and its children print.
        cores: it may use; None: all of the parent's.
        environment: variables that it has beside the parent's, set before torch is imported.
        look: the first that it does, and what `ready` says.
        clock: by which it takes too long.

    Attributes:
        usable: for a part: it is ready, and no part has spoilt it.
    """

    def __init__(
        self,
        log: Path,
        cores: int | None = None,
        environment: Mapping[str, str] | None = None,
        look: Look | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._log, self._seen, self._clock = log, 0, clock
        self._process = context.Process(
            target=serve, args=(theirs, log, cores, dict(environment or {}), look or look_at_torch)
        )
        self._process.start()
        theirs.close()
        self._ready: Ready | None = None
        self.usable = False

    def ready(self, seconds: float) -> Ready:
        """Wait until torch is imported. Raises WorkerEndedError, NoAnswerError."""
        if self._ready is None:
            self._ready = next(self._messages(seconds))
            self.usable = True
        return self._ready

    def work(self, part: Part, setting: Setting, seconds: float) -> Iterator[Finding]:
        """What the part finds, as it finds it. Raises WorkerEndedError, NoAnswerError; both leave it unusable."""
        self._seen = self._log.stat().st_size if self._log.exists() else 0
        self.usable = False
        try:
            self._pipe.send((part, setting))
        except OSError:
            self._process.join(LOOK)
            raise WorkerEndedError(_how(self._process.exitcode)) from None
        for message in self._messages(seconds):
            if isinstance(message, Done):
                self.usable = message.usable
                return
            yield message

    def printed(self) -> str:
        """The end of what the part printed."""
        with suppress(OSError), self._log.open("rb") as stream:
            stream.seek(self._seen)
            return stream.read().decode(errors="replace")[-TAIL:]
        return ""

    def where(self) -> tuple[str, str]:
        """Where in Python it is now (", in FILE, line N", or ""), and `printed` with all of its stack."""
        if self._process.pid and self._process.is_alive():
            os.kill(self._process.pid, signal.SIGUSR1)
        until = time.monotonic() + GENTLY
        while not (found := PLACE.findall(self.printed())) and time.monotonic() < until:
            time.sleep(LOOK)
        time.sleep(LOOK)  # for the rest of the stack
        return (f", in {found[-1][0]}, {found[-1][1]}" if found else ""), self.printed()

    def end(self) -> None:
        """End the process and all that it has started, gently if it is idle."""
        self._pipe.close()
        if self.usable:
            self._process.join(GENTLY)
        kill_session(self._process.pid or 0)
        self._process.kill()
        self._process.join(GENTLY)  # a driver that hangs does not let it go, and there is more to say

    def _messages(self, seconds: float) -> Iterator[Any]:
        until = self._clock() + seconds
        while True:
            alive = self._process.is_alive()  # asked first: what it had sent before it ended is still read
            if self._pipe.poll(min(LOOK, max(0.0, until - self._clock())) if alive else 0):
                try:
                    message = self._pipe.recv()
                except (EOFError, OSError):
                    self._process.join(LOOK)
                    alive = False
                else:
                    yield message
                    continue
            if not alive:
                raise WorkerEndedError(_how(self._process.exitcode))
            if self._clock() >= until:
                raise NoAnswerError


def _how(code: int | None) -> str:
    if code is None:
        return "it closed its pipe"
    if code >= 0:
        return f"exit code {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
