"""What every layout comes to: photos, with what is known of each; and how photos are found below a folder.

Ages are (lowest, highest) in whole years, both included, equal where the age is known to the year.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from common.errors import LabelError, OptionError
from data_prep.photos.decode import is_photo

MAX_AGE = 120

Age = tuple[int, int]


@dataclass(frozen=True)
class Photo:
    """A photo and what is known of it: labels None where nobody gave them.

    Attributes:
        path: relative to its images folder, with forward slashes.
        person: equal for two photos that show one person.
        to_predict: no label will be asked of it; it is stored in the split "eval".
    """

    file: Path
    path: str
    person: str
    mask: str | None = None
    gender: str | None = None
    age: Age | None = None
    to_predict: bool = False


@dataclass(frozen=True)
class Listing:
    """What a layout found.

    Attributes:
        photos: in the order that they are stored.
        unused: paths of photos left aside because their names say nothing.
        ids: other names that people have, an id -> the `person` of everyone who has it.
    """

    photos: list[Photo]
    unused: list[str] = field(default_factory=list)
    ids: Mapping[str, list[str]] = field(default_factory=dict)


def age_text(age: Age) -> str:
    """Write an age as index.csv and corrections have it: "37", or "50-59"."""
    return str(age[0]) if age[0] == age[1] else f"{age[0]}-{age[1]}"


def photos_below(folder: Path, option: str = "--photos") -> list[Photo]:
    """Find every photo in `folder` and below it, by name; each is its own person, and may be a link to anywhere.

    Raises:
        OptionError: no such folder, one that cannot be read, no photo in it, or a name that is not UTF-8.
    """
    root = existing_folder(folder, option)
    return _found(folder, option, _walk(str(root), "", lambda name: None))


def images_below(images: Path) -> list[Photo]:
    """Find photos for layouts, as `photos_below` does: without links in `file`, and none that leads out of `images`.

    Raises:
        OptionError: as above. LabelError: a photo or a folder that is a link to something outside `images`.
    """
    root = existing_folder(images, "--images")

    def stay_inside(name: str) -> None:
        if not Path(target := os.path.realpath(root / name)).is_relative_to(root):
            raise LabelError(f"{images}: {name} is a link to {target}, outside it; put what it links to there instead")

    return _found(images, "--images", _walk(str(root), "", stay_inside))


def _found(folder: Path, option: str, walk: Iterator[tuple[str, Path]]) -> list[Photo]:
    photos = [Photo(file, name, name) for name, file in walk]
    if not photos:
        raise OptionError(f"{option} {folder}: no photo in it")
    if odd := next((photo.path for photo in photos if not _is_utf8(photo.path)), None):
        raise OptionError(f"{option} {folder}: the name {odd!r} is not UTF-8, so no CSV can hold it; rename it")
    return photos


def _walk(folder: str, prefix: str, check_link: Callable[[str], None]) -> Iterator[tuple[str, Path]]:
    """Yield (path below the first folder, file) of every photo. Links to folders are checked and not followed."""
    for entry in _entries(folder):
        name = prefix + entry.name
        if entry.is_symlink() and (is_photo(entry.name) or Path(entry.path).is_dir()):
            check_link(name)
        if entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith("."):
                yield from _walk(entry.path, f"{name}/", check_link)
        elif is_photo(entry.name) and _is_file(entry):
            yield name, Path(os.path.realpath(entry.path) if entry.is_symlink() else entry.path)


def _is_utf8(name: str) -> bool:
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise OptionError(f"{folder} cannot be read: {error.strerror}") from None


def _is_file(entry: os.DirEntry[str]) -> bool:
    return Path(entry.path).is_file() if entry.is_symlink() else entry.is_file()  # entry's fails on links in a circle


def photo_names(folder: Path) -> Iterator[str]:
    return (entry.name for entry in _entries(folder) if is_photo(entry.name) and _is_file(entry))


def existing_folder(folder: Path, option: str) -> Path:
    if not folder.is_dir():
        raise OptionError(f"{option}: no folder {folder}")
    return folder.resolve()


def inside(file: Path, row: object, column: str, root: Path, name: str) -> Path:
    """Resolve `root`/`name` to a path without links; a LabelError where that is not below `root`."""
    if path := _within(root, name):
        return path
    raise LabelError(f"{file}, row {row}: {column} must name something inside {root}, but is {name!r}")


def _within(root: Path, name: str) -> Path | None:
    relative = PurePosixPath(name)
    if name and not relative.is_absolute() and ".." not in relative.parts and not set(name) & {"\\", "\0"}:
        path = Path(os.path.realpath(root / relative))
        if path != root and path.is_relative_to(root):
            return path
    return None


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
        if path is None or path.is_symlink():
            path = inside(self._labels, row, self._column, self._root, name)
        if not path.is_file():
            raise LabelError(f"{self._labels}, row {row}: no photo {name} in {self._root}")
        return path


def _plain(name: str) -> bool:
    return name not in ("", "..") and not set(name) & {"\\", "\0"}
