"""One photo from file to pixels: decoded warily, upright, RGB, fitted to a size.

Pillow decodes only the formats named here, and nothing too large; it does not fill in what a truncated file lacks.
A JPEG without a flaw is decoded by simplejpeg and resized by `resample`, to the same bytes but faster: Pillow fills a
fourth byte a pixel.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import simplejpeg  # type: ignore[import-untyped]
from PIL import Image, ImageFile, ImageOps, PngImagePlugin, UnidentifiedImageError

from common.errors import PhotoError
from data_prep.photos.jpeg_header import HEAD, plain_jpeg
from data_prep.photos.not_photos import kind_of
from data_prep.store.shards import Photos

PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY  # 64 MiB: a long comment says nothing of the pixels

FORMATS = ("JPEG", "PNG", "WEBP")
EXTENSIONS = frozenset(
    {
        *(".jpg", ".jpeg", ".jpe", ".jfif", ".jif", ".jfi", ".pjpeg", ".pjp", ".png", ".apng", ".webp"),
        *(".bmp", ".gif", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jxl"),
    }
)
"""Names of photos, lower case. What Pillow may not decode here is named and left out, not passed over in silence."""

MAX_PIXELS = 64_000_000
_MACHINE_AT_FAULT = {
    *(errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN, errno.ENETDOWN),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
}
_ORIENTATION = 0x0112
"""EXIF's tag for how the camera was held."""

_TURNED, _SIDEWAYS = range(2, 9), range(5, 9)
_AT_ONCE = 2**22
"""Pixels of a JPEG that may be in memory twice: as simplejpeg's array, and turned or as a photo of Pillow's."""


def is_photo(name: str) -> bool:
    """Say whether a file of this name is a photo: by its extension, and not hidden as the `._x` twins of macOS are."""
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in EXTENSIONS  # noqa: PTH122 (a Path is 10 times as slow)


def load(file: Path) -> Image.Image:
    """Load the photo in `file`: RGB, turned as its EXIF says, transparency on black.

    Raises:
        PhotoError: it cannot be decoded in full, is in another format, or has more than MAX_PIXELS. The message says
            why, and leaves naming the photo to the caller, who may know it by a better name.
        OSError, MemoryError: the machine's fault and not the photo's: a storage that is gone, too many open files.
    """
    try:
        if (plain := _plain(file)) is not None:
            return plain
        with _open(file) as photo:
            if (decoded := _decoded(photo)) is not None:
                return decoded
            photo.load()
            with suppress(Exception):  # an EXIF block that is garbage says nothing; the photo is good
                ImageOps.exif_transpose(photo, in_place=True)
            return _rgb(photo)
    except (PhotoError, MemoryError):
        raise
    except Exception as error:  # whatever a decoder makes of broken bytes
        if isinstance(error, OSError) and error.errno in _MACHINE_AT_FAULT:
            raise
        raise PhotoError(_why(error, file)) from None


def upright_size(file: Path, head: bytes = b"") -> tuple[int, int] | None:
    """Read (height, width) from the header, None where it cannot be read.

    Args:
        head: the file's first bytes, where they were read already.
    """
    if (size := plain_jpeg(head)) and size[0] * size[1] <= MAX_PIXELS:
        return size
    try:
        with _open(file) as photo:
            sideways = _orientation(photo) in _SIDEWAYS
            return (photo.width, photo.height) if sideways else (photo.height, photo.width)
    except Exception:  # `load` says why
        return None


def fit(photo: Image.Image, size: tuple[int, int]) -> Photos:
    """Cut the largest centred part of the aspect of `size` (height, width) and resize it: uint8 [height, width, 3]."""
    height, width = size
    if (photo.height, photo.width) != size:
        photo = ImageOps.fit(photo, (width, height), Image.Resampling.BICUBIC)
    return np.asarray(photo, dtype=np.uint8)


def _open(file: Path) -> ImageFile.ImageFile:
    if not file.is_file():
        raise PhotoError("not a regular file")
    photo = Image.open(file, formats=FORMATS)
    if photo.width * photo.height > MAX_PIXELS:
        photo.close()
        raise PhotoError(f"{photo.width}x{photo.height} pixels, more than {MAX_PIXELS:,}")
    return photo


class _Decoded(Image.Image):
    """RGB pixels [height, width, 3] as a photo; they become Pillow's when more than the array is wanted."""

    def __init__(self, pixels: Photos) -> None:
        super().__init__()
        self._mode, self._size = "RGB", (pixels.shape[1], pixels.shape[0])
        self._pixels = pixels

    @property
    def __array_interface__(self) -> dict[str, Any]:
        return self._pixels.__array_interface__ if self._im is None else super().__array_interface__

    def resize(self, size: Any, resample: int | None = None, box: Any = None, reducing_gap: Any = None) -> Image.Image:
        """Resize it as Pillow would, to the bit, but without a copy of the photo that is Pillow's."""
        width, height = size
        usual = resample == Image.Resampling.BICUBIC and box is not None and reducing_gap is None
        # Where a photo loses more height than this, Pillow 13 goes along columns first: not to the same bits.
        if usual and self._im is None and self.height - height <= 2 * (self.width - width):
            from data_prep.photos.resample import resampled  # for numba, which takes a second

            left, top, right, bottom = np.asarray(box, dtype=np.float32).tolist()  # as precisely as Pillow knows it
            return _Decoded(resampled(self._pixels, height, width, (left, top, right, bottom)))
        return super().resize(size, resample, box, reducing_gap)

    def load(self) -> Any:
        if self._im is None:
            self.im = Image.fromarray(self._pixels).im
        return super().load()


def _decoded(photo: ImageFile.ImageFile) -> _Decoded | None:
    """Decode an upright RGB JPEG, if simplejpeg has nothing against it; Pillow decides on all others."""
    if photo.format != "JPEG" or photo.mode != "RGB" or photo.width * photo.height > _AT_ONCE:
        return None
    if _orientation(photo) in _TURNED or photo.fp is None:
        return None
    photo.fp.seek(0)
    data = photo.fp.read(min(os.fstat(photo.fp.fileno()).st_size, 4 * _AT_ONCE))  # read(n) makes room for n first
    return _by_simplejpeg(data, (photo.height, photo.width))


def _plain(file: Path) -> _Decoded | None:
    """Decode a plain JPEG that Pillow has not opened: of a small one, that takes a fifth of the time."""
    if not file.is_file():
        return None
    with file.open("rb", buffering=0) as stream:
        size = plain_jpeg(head := stream.read(HEAD))
        if size is None or size[0] * size[1] > _AT_ONCE or os.fstat(stream.fileno()).st_size > 4 * _AT_ONCE:
            return None
        return _by_simplejpeg(head + stream.read(), size)


def _by_simplejpeg(data: bytes, size: tuple[int, int]) -> _Decoded | None:
    try:
        pixels = simplejpeg.decode_jpeg(data, "RGB")
    except ValueError:
        return None
    return _Decoded(pixels) if pixels.shape == (*size, 3) else None


def _orientation(photo: Image.Image) -> int | None:
    with suppress(Exception):  # an EXIF block that is garbage says nothing; the photo is good
        return photo.getexif().get(_ORIENTATION)
    return None


def _rgb(photo: Image.Image) -> Image.Image:
    if photo.mode.startswith("I"):  # 16 bits a pixel: Pillow's own conversion would clip all but the darkest
        photo = Image.fromarray((np.asarray(photo) >> 8).astype(np.uint8))
    if photo.has_transparency_data:
        photo = photo.convert("RGBA")
        photo = Image.alpha_composite(Image.new("RGBA", photo.size, (0, 0, 0, 255)), photo)
    return photo if photo.mode == "RGB" else photo.convert("RGB")


def _why(error: Exception, file: Path) -> str:
    if isinstance(error, UnidentifiedImageError):
        found = kind_of(file)
        what = f"{found.one}, " if found else ""
        return f"{what}not a {', '.join(FORMATS[:-1])} or {FORMATS[-1]} photo"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
