"""Looks at every photo before any is decoded: its size, what tells its file from others, and what is no photo."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.errors import PhotoError
from data_prep.layouts.listing import Photo
from data_prep.photos.decode import upright_size
from data_prep.photos.not_photos import kind_of

Size = tuple[int, int]

END = 4096
"""Bytes that are read at either end of a file: a JPEG's EXIF block is at its beginning, a WebP's at its end."""

ENLARGED = 2
"""A photo that is enlarged more than so many times has no detail to show for it."""


@dataclass(frozen=True)
class Look:
    """What one look at a file says.

    Attributes:
        size: (height, width) of the photo, None where it is none.
        ends: a hash of the file's length, first and last bytes.
    """

    size: Size | None
    ends: str


def look(file: Path) -> Look:
    read = _read_ends(file)
    return Look(upright_size(file, head=read[1]), _hash(*read))


def ends(file: Path) -> str:
    """Hash a file's length, first and last bytes: cheaper than all of it, and no camera or editor leaves them alone."""
    return _hash(*_read_ends(file))


def _read_ends(file: Path) -> tuple[int, bytes, bytes]:
    """Read a file's length, first and last bytes."""
    stream = os.open(file, os.O_RDONLY)  # half as long as a file object takes
    try:
        length = os.fstat(stream).st_size
        return length, os.pread(stream, END, 0), os.pread(stream, END, max(END, length - END))
    finally:
        os.close(stream)


def _hash(length: int, head: bytes, tail: bytes) -> str:
    return hashlib.sha256(length.to_bytes(8, "big") + head + tail).hexdigest()


def sizes(looks: Iterable[Look], stored: Size) -> dict[str, Any]:
    """Sum up the photos' sizes for store.json, and count those that `stored` enlarges more than ENLARGED times."""
    found = counted(looks)
    smallest, largest, commonest = min(found, key=_area), max(found, key=_area), commonest_size(found)
    return {
        "smallest": list(smallest),
        "largest": list(largest),
        "commonest": list(commonest),
        "share": round(found[commonest] / found.total(), 4),
        "enlarged": sum(photos for size, photos in found.items() if _times(size, stored) > ENLARGED),
    }


def _area(size: Size) -> tuple[int, Size]:
    return size[0] * size[1], size


def counted(looks: Iterable[Look]) -> Counter[Size]:
    """Count the photos of each size."""
    found: Counter[Size] = Counter()
    found.update(look.size for look in looks if look.size)
    return found


def commonest_size(found: Counter[Size]) -> Size:
    return max(found, key=lambda size: (found[size], size))


def _times(size: Size, stored: Size) -> float:
    """Say how many times a photo is enlarged: its largest part of the stored aspect is, as `decode.fit` cuts it."""
    return max(stored[0] / size[0], stored[1] / size[1])


def refuse_what_is_none(photos: Sequence[Photo], looks: Sequence[Look], most: float = 0) -> None:
    """Stop where more than the share `most` of the photos are none, before hours are spent on the others.

    Raises:
        PhotoError: says what they are, and what to do.
    """
    none = [photo for photo, look in zip(photos, looks, strict=True) if look.size is None]
    if len(none) <= most * len(photos):
        return
    kinds = Counter(kind_of(photo.file) for photo in none)
    kind, of_it = kinds.most_common(1)[0]
    first = next(photo.path for photo in none if kind_of(photo.file) == kind)
    if kind and of_it == len(none):
        what = f"{of_it} of {len(photos)} photos are {kind.many}, not photos"
    else:
        more = f", {of_it} of them because they are {kind.many}" if kind else ""
        what = f"{len(none)} of {len(photos)} photos cannot be read{more}"
    allow = "" if len(none) == len(photos) else ", or allow a larger share, e.g. --allow-left-out 0.05"
    raise PhotoError(f"{what}, e.g. {first}: {kind.do if kind else 'mend them'}{allow}")
