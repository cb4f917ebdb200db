"""What this machine's processes are doing, from /proc: whose children live, where they listen."""

from __future__ import annotations

import socket
import time
from pathlib import Path

PROC = Path("/proc")


def family(pid: int) -> list[int]:
    """The process, its children, their children..."""
    parents = {int(each.name): int(stat[1]) for each in PROC.glob("[0-9]*") if (stat := _stat(each))}
    found = [pid]
    for member in found:
        found += [child for child, parent in parents.items() if parent == member]
    return found


def alive(pids: list[int]) -> list[str]:
    """The command lines of those that live, after as long as the kernel needs to clear away the dead."""
    until = time.monotonic() + 3
    while (living := [pid for pid in pids if (stat := _stat(PROC / str(pid))) and stat[0] != "Z"]) and (
        time.monotonic() < until
    ):
        time.sleep(0.1)
    return [command(pid) for pid in living]


def command(pid: int) -> str:
    return (PROC / str(pid) / "cmdline").read_text().replace("\0", " ").strip()


def accepting(host: str) -> set[int]:
    """The TCP ports of this machine that accept a connection to the address."""
    found = set()
    for port in range(1, 1 << 16):
        with socket.socket() as caller:
            caller.settimeout(1)
            if caller.connect_ex((host, port)) == 0:
                found.add(port)
    return found


def _stat(process: Path) -> list[str] | None:
    """State, parent, ...; None for one that is gone."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
