"""Disks of one's own, whose power can be cut: a file system in a file, shut down without flushing what it holds."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

SHUTDOWN, NOLOGFLUSH = 0x8004587D, 2
"""The ioctl of ext4 and XFS that stops a file system at once, its journal in memory lost too."""

MAKE = {"ext4": ("mkfs.ext4", "-q"), "xfs": ("mkfs.xfs", "-q", "-f")}
MEGABYTES = 8192
"""Of which little is ever written: a search waits where its trials may have no room."""


@dataclass(frozen=True)
class CutDisk:
    """A file system in `image`, mounted at `folder`."""

    image: Path
    folder: Path

    def cut(self) -> None:
        """Cut its power. Whatever is asked of it fails from then on."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, SHUTDOWN, struct.pack("I", NOLOGFLUSH))
        finally:
            os.close(descriptor)

    def come_back(self) -> None:
        """Mount it again, as after a reboot."""
        _run("umount", self.folder)
        _run("mount", "-o", "loop", self.image, self.folder)


@contextmanager
def disk(kind: str, place: Path) -> Iterator[CutDisk]:
    """A disk of a kind; skips the test where this machine cannot have one."""
    if os.getuid() != 0:
        pytest.skip("only root can mount a disk: tests/test_power.py replays what was flushed instead")
    if shutil.which(MAKE[kind][0]) is None:
        pytest.skip(f"{MAKE[kind][0]} is not installed")
    made = CutDisk(place / "disk.img", place / "disk")
    made.folder.mkdir()
    with made.image.open("wb") as stream:
        stream.truncate(MEGABYTES * 2**20)
    _run(*MAKE[kind], made.image)
    if subprocess.run(["mount", "-o", "loop", made.image, made.folder], capture_output=True).returncode:
        pytest.skip("this machine cannot mount a file as a disk")
    try:
        yield made
    finally:
        _run("umount", "-l", made.folder)


def _run(*command: object) -> None:
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
