"""What there is of this machine for a program to use, and what tells it and its processes from others."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_BOOT, _PROCESSES = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")


def cpu_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def identity() -> str:
    """Name what sees the same processes as this one: this run of this machine, or a container in it.

    Host names are no help: machines that were made of one image share theirs.
    """
    try:
        return f"{_BOOT.read_text().strip()} {_PROCESSES.stat().st_ino}"
    except OSError:  # no Linux
        return socket.gethostname()


def began(pid: int) -> str | None:
    """Say when a process here began, in ticks since the machine did; None where that cannot be told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None


def lives(pid: int, began_at: str | None) -> bool:
    """Say whether a process is alive here, also another user's, and is the one that began then."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        pass
    return began_at is None or began(pid) in (None, began_at)
