"""Things that lie where a file is expected, for tests of who reads it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

KINDS = ("pipe", "folder", "socket", "device", "circle", "huge")


def put(kind: str, file: Path) -> None:
    """Put something else where a file is expected."""
    file.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "socket":
        before = Path.cwd()
        with socket.socket(socket.AF_UNIX) as listening:
            os.chdir(file.parent)  # sockets' paths may have 107 characters
            listening.bind(file.name)
            os.chdir(before)
    elif kind == "device":
        file.symlink_to("/dev/zero")
    elif kind == "circle":
        file.symlink_to(file.name)
    else:
        file.touch()
        os.truncate(file, 2**42)
