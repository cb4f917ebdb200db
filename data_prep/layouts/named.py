"""The photos and folders that a labels file names, below the images folder: none may lie outside."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from common.errors import LabelError


def relative_name(images: Path, name: str) -> str:
    """Write a name as paths are kept: relative to `images`, with forward slashes, where it says the same otherwise.

    /data/faces/a/1.jpg below --images /data/faces is a/1.jpg, and so is what Windows writes, a\\1.jpg.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    roots = (images.absolute(), images.resolve()) if path.is_absolute() else ()
    below = next((path.relative_to(root) for root in roots if path != root and path.is_relative_to(root)), path)
    return str(below) if name else name


def inside(file: Path, row: object, column: str, root: Path, name: str) -> Path:
    """Resolve `root`/`name` to a path without links; a LabelError where that is not below `root`."""
    if path := _within(root, name):
        return path
    raise LabelError(
        f"{file}, row {row}: {column} must name something inside {root}, relative to it and with /, but is {name!r}"
    )


def _within(root: Path, name: str) -> Path | None:
    relative = PurePosixPath(name)
    if name and not relative.is_absolute() and ".." not in relative.parts and not set(name) & {"\\", "\0"}:
        path = Path(os.path.realpath(root / relative))
        if path != root and path.is_relative_to(root):
            return path
    return None


class Spelling:
    """Knows names below a folder by what is read: IMG.JPG is found as img.jpg, which are one name to Windows and macOS,
    and u with its dots apart, as macOS writes it, as the one letter. What has the very name comes first."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._inside: dict[Path, dict[str, list[str]]] = {}

    def of(self, name: str) -> str:
        """Spell a name as it is on the disk; as it came, where nothing or more than one thing is meant."""
        path = PurePosixPath(name)
        if os.path.lexists(self._root / name) or path.is_absolute() or ".." in path.parts:
            return name
        folder = self._root
        for part in path.parts:
            folder = folder / self._in(folder, part)
        return folder.relative_to(self._root).as_posix()

    def _in(self, folder: Path, name: str) -> str:
        if os.path.lexists(folder / name):
            return name
        if folder not in self._inside:
            self._inside[folder] = _by_reading(_names(folder))
        meant = self._inside[folder].get(_read(name), [])
        return meant[0] if len(meant) == 1 else name


def _names(folder: Path) -> list[str]:
    try:
        return [each.name for each in folder.iterdir()]
    except (OSError, ValueError):  # nothing there, no folder, or a NUL in its name
        return []


def _by_reading(names: Iterable[str]) -> dict[str, list[str]]:
    read: dict[str, list[str]] = {}
    for name in names:
        read.setdefault(_read(name), []).append(name)
    return read


def _read(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


class Named:
    """The photos that rows of a labels file name. A folder is resolved once, as there may be 100,000 photos in it."""

    def __init__(self, labels: Path, column: str, root: Path) -> None:
        self._labels = labels
        self._column = column
        self._root = root
        self._folders: dict[PurePosixPath, Path | None] = {PurePosixPath("."): root}

    def file(self, row: object, name: str) -> Path:
        """Resolve `name` below the root to a path without links.

        Raises:
            LabelError: it is not below the root, or not there.
        """
        relative = PurePosixPath(name)
        if relative.parent not in self._folders:
            self._folders[relative.parent] = _within(self._root, str(relative.parent))
        folder = self._folders[relative.parent]
        path = folder / relative.name if folder and _plain(relative.name) else None
        if path is None or os.path.islink(path):  # noqa: PTH114 (a Path's raises where a name is too long)
            path = inside(self._labels, row, self._column, self._root, name)
        try:
            is_there = path.is_file()
        except OSError as error:  # a name that is longer than names can be
            raise LabelError(
                f"{self._labels}, row {row}: {self._column} names no photo ({error.strerror}): {name[:60]!r}..."
            ) from None
        if not is_there:
            raise LabelError(
                f"{self._labels}, row {row}: no photo {name} in {self._root}; mend the row, or take it out"
            )
        return path


def _plain(name: str) -> bool:
    return name not in ("", "..") and not set(name) & {"\\", "\0"}
