"""A home and a name for a user who has none.

Libraries keep what they compile and fetch in a home folder, and ask for the user's name. In a container or on a cluster
a user may have neither a home nor an entry in /etc/passwd; then both are made up, under a private temporary folder.
"""

from __future__ import annotations

import getpass
import os
import stat
import tempfile
from pathlib import Path

from common.errors import OptionError

FETCHED = ("TORCH_HOME", "REMBG_HOME")
"""Caches that are of use to who can only read them: weights."""


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


def name_the_user() -> None:
    """Torch names its cache after the user."""
    try:
        getpass.getuser()
    except (KeyError, OSError):
        os.environ["LOGNAME"] = f"user-{_user()}"


def find_one() -> None:
    """Keep the user's home as far as it is of use, and make up what it lacks.

    Raises:
        OptionError: nothing can be written where temporary files go.
    """
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


def _user() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0


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
