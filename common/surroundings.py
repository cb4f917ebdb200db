"""What a program needs around it, made sure of before it begins: streams that it can write to, and a home.

Libraries keep what they compile and fetch in a home folder, and ask for the user's name. In a container or on a cluster
a user may have neither a home nor an entry in /etc/passwd; then both are made up, under a private temporary folder.
"""

from __future__ import annotations

import getpass
import io
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import TextIO

from common.errors import OptionError

STREAMS = ("stdin", "stdout", "stderr")

FETCHED = ("TORCH_HOME", "REMBG_HOME")
"""Caches that are of use to who can only read them: weights."""


def settle() -> None:
    """Make sure of them for this process and those that it starts.

    Raises:
        OptionError: nothing can be written where temporary files go.
    """
    _open_streams()
    _name_the_user()
    _find_a_home()


def private_folder(base: str | None = None) -> Path:
    """Find or make a folder that only this user can reach, in `base` or where temporary files go.

    Raises:
        OSError: it cannot be made there, or somebody else has made it.
    """
    folder = Path(base or tempfile.gettempdir(), f"masktune-{_user()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != _user() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} must be a folder that only you can read")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{folder} cannot be written")
    return folder


def can_be_written(folder: Path) -> bool:
    """Whether it can, or can be made."""
    there = next(each for each in (folder, *folder.parents) if os.path.exists(each))  # noqa: PTH110
    return folder.is_absolute() and os.path.isdir(there) and os.access(there, os.W_OK | os.X_OK)  # noqa: PTH112


class _Dropping(io.FileIO):
    """A stream whose reader may be gone, or whose disk may be full: what cannot be written is dropped."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError:
            return memoryview(data).nbytes  # type: ignore[arg-type]


def _open_streams() -> None:
    """Nobody who only listens can end a search: `| head`, a full disk, a terminal that is closed, `>&-`."""
    for number, name in enumerate(STREAMS):
        if not _is_open(number):  # else the next file that is opened would have its number, and get what is printed
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
        stream = getattr(sys, name)
        if number and stream is getattr(sys, f"__{name}__"):  # pytest has its own
            setattr(sys, name, _dropping(number, stream))


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _dropping(number: int, stream: io.TextIOWrapper | None) -> TextIO:
    raw = _Dropping(number, "w", closefd=False)
    errors = stream.errors if stream else "strict"
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding if stream else "utf-8",
        # A file's name may hold what the encoding does not.
        errors="backslashreplace" if errors == "strict" else errors,
        line_buffering=stream.line_buffering if stream else False,
        write_through=stream.write_through if stream else False,
    )


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


def _name_the_user() -> None:
    """Torch names its cache after the user."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"user-{_user()}"


def _find_a_home() -> None:
    home = Path(os.path.expanduser("~"))  # noqa: PTH111 (Path's fails where there is none)
    # Containers say that / is the home of who has none.
    if not can_be_written(home) and (not _can_be_read(home) or home == home.parent):
        os.environ["HOME"] = str(home := _own_home(home))
    # One that can only be read is kept: there may be weights, keys and tokens in it. What is written goes elsewhere.
    caches = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    kept = {
        "TORCH_HOME": caches / "torch",
        "REMBG_HOME": home / ".rembg",
        "TRITON_HOME": home,
        "XDG_CACHE_HOME": caches,
    }
    for variable, usual in kept.items():
        folder = Path(os.environ.get(variable) or usual)
        if can_be_written(folder):
            continue
        if variable in FETCHED and _can_be_read(folder):
            os.environ[variable] = str(folder)
        else:
            os.environ[variable] = str(_own_home(folder) / usual.name)


def _own_home(instead: Path) -> Path:
    try:
        own = private_folder() / "home"
        own.mkdir(exist_ok=True)
    except OSError as error:
        raise OptionError(
            f"HOME: {instead} cannot be written, and neither can a temporary folder be made ({error}); set HOME or "
            "TMPDIR to a folder of yours"
        ) from None
    return own


def _can_be_read(folder: Path) -> bool:
    return folder.is_absolute() and os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)  # noqa: PTH112 (Path's may be refused)
