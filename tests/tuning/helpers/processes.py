"""What this machine's processes are doing, from /proc: whose children live, where they listen."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.helpers.patience import HANGS

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
    until = time.monotonic() + HANGS
    while (living := [pid for pid in pids if (stat := _stat(PROC / str(pid))) and stat[0] != "Z"]) and (
        time.monotonic() < until
    ):
        time.sleep(0.1)
    return [command(pid) for pid in living]


def command(pid: int) -> str:
    return (PROC / str(pid) / "cmdline").read_text().replace("\0", " ").strip()


def listening(pids: list[int]) -> set[tuple[str, int]]:
    """(address, port) of the TCP sockets on which these processes accept connections."""
    theirs = {inode for pid in pids for inode in _sockets(pid)}
    found = set()
    for table, family in (("tcp", socket.AF_INET), ("tcp6", socket.AF_INET6)):
        for line in (PROC / "net" / table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == _LISTEN and inode in theirs:
                address, port = local.split(":")
                host = socket.inet_ntop(family, _in_network_order(address))
                found.add((host.removeprefix("::ffff:"), int(port, 16)))  # IPv4 in IPv6's notation
    return found


_LISTEN = "0A"


def _sockets(pid: int) -> Iterator[str]:
    """The inodes of a process's sockets."""
    with suppress(OSError):  # it has ended, or closed one meanwhile
        for each in (PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                if (target := str(each.readlink())).startswith("socket:["):
                    yield target.removeprefix("socket:[").removesuffix("]")


def _in_network_order(address: str) -> bytes:
    """The kernel prints an address as words of four bytes in this machine's order."""
    words = [bytes.fromhex(address[start : start + 8]) for start in range(0, len(address), 8)]
    return b"".join(word[::-1] if sys.byteorder == "little" else word for word in words)


def _stat(process: Path) -> list[str] | None:
    """State, parent, ...; None for one that is gone."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
