"""Shards: the `images-00000.npy`... files of a dataset store, uint8 [photos, height, width, 3] each.

They are plain `np.load`-able files. A writer streams photos into a hidden file, gives its header the true count at the
end and renames it, so a shard never has to fit in memory and is never seen half written.
"""

from __future__ import annotations

import io
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from common.errors import StoreError
from common.files import file_sha256, flush
from common.security import regular_file
from data_prep.store.direct_file import DirectFile

PHOTOS_PER_SHARD = 256
"""A shard is what a worker does in one go and loses when it dies: 5 minutes of u2net on a core, 151 MB at 512x384."""

Photos = npt.NDArray[np.uint8]


def shard_name(number: int) -> str:
    return f"images-{number:05d}.npy"


class ShardWriter:
    """Writes one shard into `folder`, photo by photo.

        with closing(ShardWriter(folder, 3, (96, 72))) as shard:
            shard.add(photo)
            entry = shard.finish()

    Args:
        expected: photos that will probably be added; with another number the shard is hashed again at its end.

    Attributes:
        photos: how many were added.
    """

    def __init__(self, folder: Path, number: int, size: tuple[int, int], expected: int = PHOTOS_PER_SHARD) -> None:
        self.photos = 0
        self._size = size
        self._expected = expected
        self._file = folder / shard_name(number)
        # Another worker may be at the same shard: one that was given up for lost, but is not.
        self._partial = folder / f".{self._file.name}.{secrets.token_hex(4)}.tmp"
        self._stream = DirectFile(self._partial)
        self._stream.write(np.frombuffer(self._header(expected), np.uint8))

    def add(self, photo: Photos) -> None:
        """Append one uint8 [height, width, 3] photo."""
        if photo.dtype != np.uint8 or photo.shape != (*self._size, 3):
            raise ValueError(f"a photo must be uint8 {(*self._size, 3)}, but got {photo.dtype} {photo.shape}")
        self._stream.write(photo.reshape(-1))
        self.photos += 1

    def finish(self) -> dict[str, Any]:
        """Give the shard its name; returns its entry of store.json: {"file", "photos", "sha256"}."""
        digest = self._stream.finish()
        if self.photos != self._expected:
            with self._partial.open("r+b") as stream:
                stream.write(self._header(self.photos))
                stream.flush()
                os.fsync(stream.fileno())
            digest = file_sha256(self._partial)
        self._partial.replace(self._file)
        flush(self._file.parent)
        return {"file": self._file.name, "photos": self.photos, "sha256": digest}

    def close(self) -> None:
        """Let go of the file; a shard that was not finished leaves nothing behind."""
        self._stream.close()
        self._partial.unlink(missing_ok=True)

    def _header(self, photos: int) -> bytes:
        # NumPy pads a header for its first axis to grow, so one with another count has the same length.
        header = io.BytesIO()
        shape = (photos, *self._size, 3)
        np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": shape})
        return header.getvalue()


def open_shard(file: Path, photos: int, size: tuple[int, int]) -> Photos:
    """Memory-map one shard, read-only.

    Raises:
        StoreError: the file is missing, is not a whole .npy file, or does not hold what store.json says.
    """
    try:
        with regular_file.opened(file), np.errstate(over="ignore"):
            shard = np.load(file, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # NumPy reads a header as Python, and believes its shape, however large
        raise StoreError(f"{file}: not a whole shard ({_line(error)}); prepare the store again") from None
    expected = (photos, *size, 3)
    if not isinstance(shard, np.memmap) or shard.dtype != np.uint8 or shard.shape != expected:
        raise StoreError(f"{file}: uint8 {expected} expected, but it holds {shard.dtype} {shard.shape}")
    if (actual := file.stat().st_size) != (whole := shard.offset + shard.nbytes):
        raise StoreError(f"{file}: {actual} bytes, but {whole} expected; prepare the store again")
    return np.asarray(shard)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
