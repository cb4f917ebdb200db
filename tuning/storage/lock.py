"""One process runs a search.

It holds a lock on the search's folder, which the kernel frees when it dies; and for machines that a lock does not
reach, on storage that they share, it gives a sign of life there. At an address, where nothing can be locked, whoever's
token is there two seconds after it was written has won.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import filelock

from common import files, uris
from common.errors import SearchError
from common.remote_folder import RemoteFolder
from common.security import terminal
from common.security.regular_file import parse_json, read_json
from tuning.storage.background import meanwhile

LOCK, OWNER = ".owner", ".owner.json"
BEAT, DEAD = 5.0, 30.0
"""Seconds between two signs of life, and without one until another machine may take the search over."""

BEAT_AT_URI, DEAD_AT_URI, CLAIM = 10.0, 60.0, 2.0
"""Seconds between two signs and without one at an address, and after which a claim there is looked at again."""


@contextmanager
def owning(folder: Path, there: RemoteFolder | None = None, lost: threading.Event | None = None) -> Iterator[None]:
    """Within, this process alone runs the search in `folder`, which must exist.

    Args:
        there: the search's address; `folder` is its copy here.
        lost: set, and the process interrupted, when another one has taken the search over at the address: after a
            minute of silence it may.

    Raises:
        SearchError: another process runs it, or the folder cannot be written.
    """
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        try:
            lock.acquire()
            _claim(folder)
        except filelock.Timeout:
            raise _refusal(there.uri if there else folder, *_read(folder)) from None
        except OSError as error:
            raise SearchError(f"{folder} cannot be written: {error.strerror or error}; mend that first") from None
        with _signs_of_life(folder / OWNER), _owning_uri(there, lost) if there else nullcontext():
            yield
    finally:
        lock.release()


def _claim(folder: Path) -> None:
    owner, age = _read(folder)
    if owner.get("host", _host()) != _host() and age < DEAD:
        raise _refusal(folder, owner, age)
    since = datetime.now(UTC).isoformat(timespec="seconds")
    files.write_json(folder / OWNER, {"host": _host(), "pid": os.getpid(), "since": since})


@contextmanager
def _signs_of_life(file: Path) -> Iterator[None]:
    try:
        with meanwhile(partial(_beat, file)):
            yield
    finally:
        with suppress(OSError):
            file.unlink()


def _beat(file: Path, ended: threading.Event) -> None:
    """Touched, not written anew: that works on a full disk too."""
    while not ended.wait(BEAT):
        with suppress(OSError):
            os.utime(file)


@contextmanager
def _owning_uri(there: RemoteFolder, lost: threading.Event | None) -> Iterator[None]:
    token = uuid.uuid4().hex
    try:
        _claim_uri(there, token)
    except OSError as error:
        raise uris.refused(there.uri, error, "written") from None
    try:
        with meanwhile(partial(_beat_there, there, token, lost)):
            yield
    finally:
        with suppress(OSError):
            if _token(there) == token:
                there.remove(OWNER)


def _claim_uri(there: RemoteFolder, token: str) -> None:
    """Write our token there. A dead process of this machine is not waited for."""
    owner, age = _read_there(there)
    if owner and age < DEAD_AT_URI and (owner["host"] != _host() or _lives(owner["pid"])):
        raise _refusal(there.uri, owner, age)
    _sign(there, token)
    time.sleep(CLAIM)
    if _token(there) != token:
        raise _refusal(there.uri, *_read_there(there))


def _sign(there: RemoteFolder, token: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    content = {"host": _host(), "pid": os.getpid(), "since": since, "token": token}
    there.write(OWNER, json.dumps(content).encode())


def _beat_there(there: RemoteFolder, token: str, lost: threading.Event | None, ended: threading.Event) -> None:
    while not ended.wait(BEAT_AT_URI):
        with suppress(OSError):
            if _token(there) not in (token, None):
                terminal.say(f"{there.uri} is being run by another process now: this one ends.")
                if lost:
                    lost.set()
                os.kill(os.getpid(), signal.SIGINT)
                return
            _sign(there, token)


def _token(there: RemoteFolder) -> str | None:
    try:
        return str(parse_json(there.read(OWNER) or b"")["token"])
    except (ValueError, KeyError, TypeError):
        return None


def _read_there(there: RemoteFolder) -> tuple[dict[str, Any], float]:
    """The owner at an address, as `_read` says it; the clock there is read from a file that is written for that."""
    entry, content = there.entry(OWNER), there.read(OWNER)
    if entry is None or content is None:
        return {}, 0.0
    name = f".clock-{uuid.uuid4().hex}"
    there.write(name, b"")
    now = there.entry(name)
    there.remove(name)
    try:
        owner = parse_json(content)
        age = (now.modified - entry.modified).total_seconds() if now else 0.0
        return {"host": str(owner["host"]), "pid": int(owner["pid"])}, max(0.0, age)
    except (ValueError, KeyError, TypeError):
        return {}, 0.0


def _lives(pid: int) -> bool:
    """Whether a process is alive, also another user's; this one does not count, which has let go of what it held."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _refusal(folder: Path | str, owner: dict[str, Any], age: float) -> SearchError:
    who = "another process"
    if owner:
        who = f"process {owner['pid']} on {owner['host']} (last sign of life {age:.0f} s ago)"
    return SearchError(f"{folder} is being run by {who}; stop that one first, or wait")


def _read(folder: Path) -> tuple[dict[str, Any], float]:
    """The owner and the seconds since its last sign of life, by the storage's clock; of none, nothing."""
    try:
        owner = read_json(folder / OWNER)
        (folder / LOCK).touch()
        age = (folder / LOCK).stat().st_mtime - (folder / OWNER).stat().st_mtime
        return {name: owner[name] for name in ("host", "pid")}, max(0.0, age)
    except (OSError, ValueError, KeyError, TypeError):
        return {}, 0.0


def _host() -> str:
    return socket.gethostname()
