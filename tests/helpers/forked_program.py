"""Programs that tests start: as forks of what has imported torch and Ray, where that is there (`forked_workers`)."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from common.repository import ROOT
from tests.helpers.patience import HANGS

SOCKET = Path(tempfile.gettempdir(), f"masktune-tests-{secrets.token_hex(8)}")
"""Where forks are asked for, once `forked_workers` serves them. Programs import this file, and Ray before it."""


class Program:
    """`python` with `arguments` (-c CODE, -m MODULE or a file, and what follows), as `subprocess.Popen` has it."""

    def __init__(
        self, arguments: Sequence[object], environment: Mapping[str, str] | None = None, own_session: bool = False
    ) -> None:
        words, variables = [str(each) for each in arguments], {**os.environ, **(environment or {})}
        self._stdout, self._stderr = _file(), _file()
        self._popen: subprocess.Popen[bytes] | None = None
        self._code: int | None = None
        if SOCKET.exists():
            asked = {"program": True, "session": own_session, "folder": str(ROOT), "environment": variables}
            self._answers = _asked({**asked, "arguments": words}, self._stdout, self._stderr)
            self.pid = int(self._answers.recv(8))
            return
        self._popen = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, env=variables, start_new_session=own_session,
            stdin=subprocess.DEVNULL, stdout=self._stdout, stderr=self._stderr,
        )  # fmt: skip
        self.pid = self._popen.pid

    def __del__(self) -> None:
        os.close(self._stdout)
        os.close(self._stderr)

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        try:
            return self.wait(0)
        except subprocess.TimeoutExpired:
            return None

    def wait(self, timeout: float = HANGS) -> int:
        """The exit code. Raises subprocess.TimeoutExpired: it runs still."""
        if self._popen:
            return self._popen.wait(timeout)
        if self._code is None:
            self._answers.settimeout(max(timeout, 0.001))
            try:
                self._code = int(self._answers.recv(8))
            except TimeoutError:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout) from None
            self._answers.close()
        return self._code

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def terminate(self) -> None:
        os.kill(self.pid, signal.SIGTERM)

    def printed(self) -> str:
        """What is on its stdout so far."""
        return _read(self._stdout)

    def said(self) -> str:
        """What is on its stdout and its stderr so far."""
        return self.printed() + _read(self._stderr)


def run(arguments: Sequence[object], timeout: float = HANGS, environment: Mapping[str, str] | None = None) -> str:
    """Run a program to its end, which must be a good one. Returns what is on its stdout."""
    program = Program(arguments, environment)
    assert program.wait(timeout) == 0, program.said()[-3000:]
    return program.printed()


def _asked(message: Mapping[str, object], stdout: int, stderr: int) -> socket.socket:
    """Ask for a fork. Its number comes from the socket, and then how it ended."""
    asking = socket.socket(socket.AF_UNIX)
    asking.connect(str(SOCKET))
    with Path(os.devnull).open() as nothing:
        socket.send_fds(asking, [json.dumps(message).encode()], [nothing.fileno(), stdout, stderr])
    return asking


def _file() -> int:
    """A file that is gone when it is closed."""
    file, name = tempfile.mkstemp()
    Path(name).unlink()
    return file


def _read(file: int) -> str:
    return os.pread(file, os.fstat(file).st_size, 0).decode()
