"""Which photos are to be predicted: those of folders, single ones, and those that CSVs name."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from common.errors import LabelError, OptionError
from common.security import terminal
from common.wording import counted
from data_prep.layouts.folders import Found, existing_folder, photos_below, unwritable
from data_prep.layouts.labels_file import read_csv
from data_prep.layouts.listing import UNUSUAL, Photo, some
from data_prep.layouts.named import Spelling
from data_prep.photos.decode import is_photo, upright_size

AnyPath = str | os.PathLike[str]

COLUMNS = ("path", "ImageID", "file", "filename", "file_name", "image", "photo")
"""What a CSV may call its column of paths; of several the first one here counts."""

BESIDE = "images"
"""Where the photos of the reference task's info.csv lie, beside it."""

LONGEST_NAME = 100
"""Bytes of a source's name in the name of its predictions: what stands around it needs room too."""


@dataclass(frozen=True)
class NewPhotos:
    """They are photos to predict, each called by a name of its own.

    Attributes:
        photos: each to predict; `path` is the name that predictions call it by: below its folder, as a CSV has it, or
            as it was typed.
        title: for the name of a file of predictions: what the photos were named by, and a few digits that tell it from
            others of that name; the same for the same sources.
        sources: the folders, photos and CSVs themselves.
    """

    photos: list[Photo]
    title: str
    sources: tuple[Path, ...]

    def check_kept(self, option: str, file: Path) -> None:
        """Raises OptionError: to write `file` would destroy a photo, or the CSV that names them."""
        if file.resolve() in {*(source.resolve() for source in self.sources), *(photo.file for photo in self.photos)}:
            raise OptionError(f"{option} {file}: that is what --photos names, and would be lost; name another file")


def new_photos(
    sources: AnyPath | Sequence[AnyPath], images: AnyPath | None = None, say: Callable[[str], None] = terminal.say
) -> NewPhotos:
    """List the photos that `sources` name, and say what else is there and not used.

    Args:
        sources: folders (with all below them), photos, or CSVs with one of COLUMNS.
        images: the folder that the CSVs' paths are relative to; None: the CSV's own, or images/ beside it where the
            column is ImageID and there is one.

    Raises:
        OptionError: no photo there, no such folder, what is none of the three, or two photos of one name.
        LabelError: a CSV that cannot be read, has no such column, or names what is not there.
    """
    named = [Path(source) for source in ([sources] if isinstance(sources, str | os.PathLike) else sources)]
    if images is not None:
        existing_folder(Path(images), "--images")
        if not any(map(_is_csv, named)):
            raise OptionError(f"--images {images}: only the paths of a CSV of --photos are below it; leave it out")
    photos: list[Photo] = []
    for source in named:
        if _is_csv(source):
            photos += _of_csv(source, None if images is None else Path(images))
        else:
            photos += _below(source, say, f"{source.as_posix()}/" if len(named) > 1 else "")
    _refuse_repeats(photos)
    return NewPhotos([replace(photo, to_predict=True) for photo in photos], _title(named, images), tuple(named))


def _is_csv(source: Path) -> bool:
    return source.suffix.lower() == ".csv" and not source.is_dir()


def _below(source: Path, say: Callable[[str], None], prefix: str) -> list[Photo]:
    """List the photos of a folder, or a single one; `prefix`, what was typed, tells them from other sources'."""
    if source.is_file() and not is_photo(source.name) and upright_size(source) is None:
        raise OptionError(
            f"--photos {source}: neither a folder nor a photo, by its name and its contents; a CSV of paths must end "
            "with .csv"
        )
    found: Found = photos_below(source)
    if found.unusual:
        say(f"used: {some(found.unusual, UNUSUAL)}")
    for why, paths in found.aside.items():
        say(f"not used: {some(paths, why)}")
    if prefix and not source.is_dir():
        return [replace(photo, path=prefix.rstrip("/")) for photo in found.photos]
    return [replace(photo, path=prefix + photo.path) for photo in found.photos]


def _of_csv(file: Path, images: Path | None) -> list[Photo]:
    """List the photos of a CSV, in its order."""
    columns = {column.lower(): column for column in read_csv(file).columns}
    column = next((columns[name.lower()] for name in COLUMNS if name.lower() in columns), None)
    if column is None:
        raise LabelError(
            f"{file} has no column of paths, which would be called {', '.join(COLUMNS[:-1])} or {COLUMNS[-1]}: its "
            f"columns are {', '.join(columns.values())}"
        )
    beside = file.parent / BESIDE if column.lower() == "imageid" else file.parent
    root = images or (beside if beside.is_dir() else file.parent)
    table = read_csv(file, (column,))
    cells = [(int(row), str(cell)) for row, cell in zip(table.index, table[column], strict=True)]
    spelling = Spelling(root.resolve())
    files = [_file(root, cell, spelling) for _, cell in cells]
    if missing := [cell for cell, found in zip(cells, files, strict=True) if found is None]:
        row, name = missing[0]
        more = f", and {counted(len(missing) - 1, 'row')} more" if len(missing) > 1 else ""
        raise LabelError(
            f"{file}, row {row}: {column} names no photo in {root}: {name[:80]!r}{more}; mend the CSV, or name the "
            "folder with --images"
        )
    for row, cell in cells:
        if why := unwritable(cell):
            raise LabelError(f"{file}, row {row}: {column} {cell!r} {why}, so no CSV can hold it; rename the photo")
    return [Photo(found, cell, cell) for (_, cell), found in zip(cells, files, strict=True) if found]


def _file(root: Path, cell: str, spelling: Spelling) -> Path | None:
    """Find what a cell names, absolute or below `root`, written with / or as Windows writes it."""
    slashed = cell.replace("\\", "/")
    for name in dict.fromkeys((cell, slashed, spelling.of(slashed))):
        try:
            if name and (root / name).is_file():
                return (root / name).resolve()
        except (OSError, ValueError):  # a name that is longer than names can be; a NUL in it
            continue
    return None


def _refuse_repeats(photos: Sequence[Photo]) -> None:
    name, times = Counter(photo.path for photo in photos).most_common(1)[0]
    if times > 1:
        raise OptionError(f"--photos: {name!r} is there {times} times; name each photo once")


def _title(named: Sequence[Path], images: AnyPath | None) -> str:
    """Call a file of predictions after the first source, with a few digits that tell one sources' from another's."""
    whole = [os.path.realpath(each) for each in (*named, *([images] if images is not None else []))]
    digits = hashlib.sha256("\0".join(whole).encode(errors="surrogateescape")).hexdigest()[:6]
    more = f"+{len(named) - 1}" if len(named) > 1 else ""
    name = named[0].resolve().name.encode(errors="replace")[:LONGEST_NAME].decode(errors="ignore")
    return f"{name}{more}-{digits}"
