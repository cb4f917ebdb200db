"""Which photos lie in a folder and below it, and what lies beside them: nothing is passed over in silence.

A photo is known by how its name ends. Where that says nothing (x.jpg_1088Wx1632H, no extension), its contents decide.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.errors import LabelError, OptionError
from data_prep.layouts.listing import Photo, some
from data_prep.photos.decode import is_photo, upright_size

HIDDEN = "hidden (._x.jpg holds no pixels: macOS writes it beside x.jpg)"
_OF_A_SYSTEM = frozenset(("@eadir", "__macosx", "#recycle", "#snapshot", "$recycle.bin", "lost+found"))
"""Folders that storages and systems make beside people's own, in lower case: of small copies, of what was removed."""

DANGLING = "links to nothing"
LINKED = "links to folders, which are not followed"
NO_FILE = "no regular files"
NO_PHOTO = "no photos by name or contents"


@dataclass(frozen=True)
class Found:
    """What lies in a folder and below it.

    Attributes:
        photos: by name.
        aside, unusual: as in a Listing.
    """

    photos: list[Photo]
    aside: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unusual: Sequence[str] = ()


class Aside:
    """Collects what lies beside photos and is not used.

    Attributes:
        paths: why -> what it is true of.
        unusual: as in a Listing.
    """

    def __init__(self) -> None:
        self.paths: dict[str, list[str]] = {}
        self.unusual: list[str] = []

    def __str__(self) -> str:
        return "; ".join(some(paths, why) for why, paths in self.paths.items())

    def put(self, why: str, path: str) -> None:
        self.paths.setdefault(why, []).append(path)

    def takes(self, entry: os.DirEntry[str], path: str) -> bool:
        """Take what is no photo, and remember why."""
        if entry.name.startswith("."):
            if is_photo(entry.name.lstrip("._")):
                self.put(HIDDEN, path)
            return True
        if not _is_file(entry):
            if entry.is_symlink() or is_photo(entry.name):
                self.put(DANGLING if entry.is_symlink() else NO_FILE, path)
            return True
        if is_photo(entry.name):
            return False
        if upright_size(Path(entry.path)) is None:
            self.put(NO_PHOTO, path)
            return True
        self.unusual.append(path)
        return False


def photos_below(folder: Path, option: str = "--photos") -> Found:
    """Find every photo in `folder` and below it, by name; each is its own person, and may be a link to anywhere.

    `folder` may be a photo too, which is then the only one.

    Raises:
        OptionError: no such folder, one that cannot be read, no photo in it, or a name that no CSV can hold.
    """
    if folder.is_file():
        return _found(folder, option, iter([(folder.name, folder.resolve())]), Aside())
    root = existing_folder(folder, option)
    aside = Aside()
    return _found(folder, option, _walk(str(root), "", lambda name: None, aside), aside)


def images_below(images: Path) -> Found:
    """Find photos for layouts, as `photos_below` does: without links in `file`, and none that leads out of `images`.

    Raises:
        OptionError: as above. LabelError: a photo or a folder that is a link to something outside `images`.
    """
    root = existing_folder(images, "--images")
    aside = Aside()

    def stay_inside(name: str) -> None:
        if not Path(target := os.path.realpath(root / name)).is_relative_to(root):
            raise LabelError(f"{images}: {name} is a link to {target}, outside it; put what it links to there instead")

    return _found(images, "--images", _walk(str(root), "", stay_inside, aside), aside)


def photo_names(folder: Path, prefix: str, aside: Aside) -> Iterator[str]:
    """Yield the names of the photos in `folder`, sorted, not those below it; `prefix` stands before what is aside."""
    for entry in _entries(folder):
        if not entry.is_dir() and not aside.takes(entry, prefix + entry.name):
            yield entry.name


def names_of_photos(folder: Path) -> Iterator[str]:
    """Yield the names in `folder` that are a photo's, sorted, without a look at what they hold."""
    return (entry.name for entry in _entries(folder) if is_photo(entry.name))


def names_of_folders(folder: Path) -> Iterator[str]:
    return (entry.name for entry in _entries(folder) if entry.is_dir() and not entry.name.startswith("."))


def existing_folder(folder: Path, option: str) -> Path:
    if not folder.is_dir():
        raise OptionError(f"{option}: no folder {folder}")
    return folder.resolve()


def unwritable(text: str) -> str | None:
    """Say why no CSV can hold `text`, None where one can."""
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        known = sys.getfilesystemencoding() == "utf-8"
        return "is not UTF-8" if known else "is not UTF-8, or needs PYTHONUTF8=1 to be read"
    # CPython before 3.11.9 and 3.12.3 writes one without quotes, and a reader takes it for the end of the row.
    return "has a carriage return" if "\r" in text else None


def _found(folder: Path, option: str, walk: Iterator[tuple[str, Path]], aside: Aside) -> Found:
    photos = [Photo(file, name, name) for name, file in walk]
    if not photos:
        raise OptionError(f"{option} {folder}: no photo in it{f', but {aside}' if aside.paths else ''}")
    for photo in photos:
        if why := unwritable(photo.path):
            raise OptionError(f"{option} {folder}: the name {photo.path!r} {why}, so no CSV can hold it; rename it")
    return Found(photos, aside.paths, aside.unusual)


def _walk(folder: str, prefix: str, check_link: Callable[[str], None], aside: Aside) -> Iterator[tuple[str, Path]]:
    """Yield (path below the first folder, file) of every photo. Links to folders are checked and not followed."""
    # Not by calls of itself: folders may be nested deeper than calls may be.
    waiting = [iter([(entry, prefix) for entry in _entries(folder)])]
    while waiting:
        entry, above = next(waiting[-1], (None, ""))
        if entry is None:
            waiting.pop()
            continue
        name = above + entry.name
        linked_folder = entry.is_symlink() and Path(entry.path).is_dir()
        if entry.is_symlink() and (linked_folder or is_photo(entry.name)):
            check_link(name)
        if linked_folder:
            aside.put(LINKED, name)
        elif entry.is_dir(follow_symlinks=False):
            if not entry.name.startswith(".") and entry.name.lower() not in _OF_A_SYSTEM:
                waiting.append(iter([(each, f"{name}/") for each in _entries(entry.path)]))
            elif next(names_of_photos(Path(entry.path)), None):
                aside.put(HIDDEN, f"{name}/")
        elif not aside.takes(entry, name):
            if entry.is_symlink():
                check_link(name)  # a photo by its contents alone
            yield name, Path(os.path.realpath(entry.path) if entry.is_symlink() else entry.path)


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise OptionError(f"{folder} cannot be read: {error.strerror}") from None


def _is_file(entry: os.DirEntry[str]) -> bool:
    return Path(entry.path).is_file() if entry.is_symlink() else entry.is_file()  # entry's fails on links in a circle
