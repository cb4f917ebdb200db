"""Power cuts without a disk of one's own: what would be left of a folder after one, at any moment.

Of each file only what it held when it was last flushed is left, and nothing of one that never was; of each folder the
names that it had when it was last flushed. File systems lose less than this, and in another order; what outlives this
outlives them. Crash consistency of file systems is checked so too (Mohan et al., CrashMonkey, OSDI 2018).
"""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

Names = dict[str, tuple[int, bool]]
"""The inode of each, and whether it is a folder."""


class Disk:
    """Remembers what is on the disk of `root` after each flush: `left[n]`, the first of them as it was found."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._lock = threading.Lock()
        self._held: list[int] = []
        self._contents: dict[int, bytes] = {}
        self._names: dict[int, Names] = {}
        for folder in (root, *(each for each in root.rglob("*") if each.is_dir())):
            self._names[folder.stat().st_ino] = _names(folder)
        for file in root.rglob("*"):
            if file.is_file():
                self._contents[file.stat().st_ino] = file.read_bytes()
        self.left = [(dict(self._contents), dict(self._names))]
        self._fsync = os.fsync
        monkeypatch.setattr(os, "fsync", self.fsync)

    def fsync(self, descriptor: int) -> None:
        self._fsync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not path.is_relative_to(self.root):
            return
        with self._lock:
            self._held.append(os.dup(descriptor))  # or the inode of a file that is removed would become another's
            found = os.fstat(descriptor)
            if stat.S_ISDIR(found.st_mode):
                self._names[found.st_ino] = _names(path)
            else:
                self._contents[found.st_ino] = path.read_bytes()
            self.left.append((dict(self._contents), dict(self._names)))

    def close(self) -> None:
        while self._held:
            os.close(self._held.pop())

    def restore(self, moment: int, into: Path) -> Path:
        """Write what was left at a moment into a new folder."""
        contents, names = self.left[moment]

        def write(inode: int, is_folder: bool, path: Path) -> None:
            if not is_folder:
                path.write_bytes(contents.get(inode, b""))
                return
            path.mkdir()
            for name, each in names.get(inode, {}).items():
                write(*each, path / name)

        write(self.root.stat().st_ino, True, into)
        return into


def _names(folder: Path) -> Names:
    return {each.name: (each.stat().st_ino, each.is_dir()) for each in folder.iterdir()}
