"""One process runs a search.

It holds a lock on the search's folder, which the kernel frees when it dies; and for machines that a lock does not
reach, on storage that they share, it gives a sign of life there.
"""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

import files
from errors import SearchError

LOCK, OWNER = ".owner", ".owner.json"
BEAT, DEAD = 5.0, 30.0
"""Seconds between two signs of life, and without one until another machine may take the search over."""


@contextmanager
def owning(folder: Path) -> Iterator[None]:
    """Within, this process alone runs the search in `folder`, which must exist.

    Raises:
        SearchError: another process runs it, or the folder cannot be written.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        try:
            lock.acquire()
            _claim(folder)
        except filelock.Timeout:
            raise _refusal(folder) from None
        except OSError as error:
            raise SearchError(f"{folder} cannot be written: {error.strerror or error}; mend that first") from None
        with _signs_of_life(folder / OWNER):
            yield
    finally:
        lock.release()


def _claim(folder: Path) -> None:
    owner, age = _read(folder)
    if owner.get("host", _host()) != _host() and age < DEAD:
        raise _refusal(folder)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    files.write_json(folder / OWNER, {"host": _host(), "pid": os.getpid(), "since": since})


@contextmanager
def _signs_of_life(file: Path) -> Iterator[None]:
    ended = threading.Event()
    thread = threading.Thread(target=_beat, args=(file, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        with suppress(OSError):
            file.unlink()


def _beat(file: Path, ended: threading.Event) -> None:
    """Touched, not written anew: that works on a full disk too."""
    while not ended.wait(BEAT):
        with suppress(OSError):
            os.utime(file)


def _refusal(folder: Path) -> SearchError:
    owner, age = _read(folder)
    who = "another process"
    if owner:
        who = f"process {owner['pid']} on {owner['host']} (last sign of life {age:.0f} s ago)"
    return SearchError(f"{folder} is being run by {who}; stop that one first, or wait")


def _read(folder: Path) -> tuple[dict[str, Any], float]:
    """The owner and the seconds since its last sign of life, by the storage's clock; of none, nothing."""
    try:
        owner = json.loads((folder / OWNER).read_text())
        (folder / LOCK).touch()
        age = (folder / LOCK).stat().st_mtime - (folder / OWNER).stat().st_mtime
        return {name: owner[name] for name in ("host", "pid")}, max(0.0, age)
    except (OSError, ValueError, KeyError, TypeError):
        return {}, 0.0


def _host() -> str:
    return socket.gethostname()
