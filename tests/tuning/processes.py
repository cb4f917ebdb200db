"""What this machine's processes are doing, from /proc: whose children live, where they listen."""

from __future__ import annotations

import os
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


def listening(pid: int) -> list[str]:
    """The addresses at which a process awaits connections, as hexadecimal numbers in the kernel's order of bytes."""
    waiting = {}
    for table in ("tcp", "tcp6"):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == "0A":
                waiting[f"socket:[{rest[5]}]"] = local.split(":")[0]
    return [waiting[link] for file in (PROC / str(pid) / "fd").iterdir() if (link := _readlink(file)) in waiting]


def _stat(process: Path) -> list[str] | None:
    """State, parent, ...; None for one that is gone."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _readlink(file: Path) -> str:
    try:
        return os.readlink(file)  # noqa: PTH115
    except OSError:
        return ""
