"""Shards: the `images-00000.npy`... files of a dataset store, uint8 [photos, height, width, 3] each.

They are plain `np.load`-able files. A writer streams photos into one and gives its header the true count at the end,
so a shard of full-size photos never has to fit in memory.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from errors import StoreError

PHOTOS_PER_SHARD = 1024

Photos = npt.NDArray[np.uint8]


def file_sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class ShardWriter:
    """Appends photos of one size to numbered shards in `folder`.

    Attributes:
        shards: what was written, as in store.json: {"file", "photos", "sha256"} each; whole after `close`.
    """

    def __init__(self, folder: Path, size: tuple[int, int], per_shard: int = PHOTOS_PER_SHARD) -> None:
        self.shards: list[dict[str, Any]] = []
        self._folder, self._size, self._per_shard = folder, size, per_shard
        self._stream: BinaryIO | None = None
        self._photos = 0

    def add(self, photo: Photos) -> None:
        """Append one uint8 [height, width, 3] photo."""
        if photo.dtype != np.uint8 or photo.shape != (*self._size, 3):
            raise ValueError(f"a photo must be uint8 {(*self._size, 3)}, but got {photo.dtype} {photo.shape}")
        if self._stream is None:
            self._stream = self._file().open("xb")
            self._write_header(self._stream)
        self._stream.write(np.ascontiguousarray(photo).data)
        self._photos += 1
        if self._photos == self._per_shard:
            self.close()

    def close(self) -> None:
        """Finish the shard being written, if there is one."""
        if self._stream is None:
            return
        with self._stream as stream:
            stream.seek(0)
            self._write_header(stream)
            stream.flush()
            os.fsync(stream.fileno())
        file = self._file()
        self.shards.append({"file": file.name, "photos": self._photos, "sha256": file_sha256(file)})
        self._stream, self._photos = None, 0

    def abandon(self) -> None:
        """Let go of a shard that will not be finished."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _file(self) -> Path:
        return self._folder / f"images-{len(self.shards):05d}.npy"

    def _write_header(self, stream: BinaryIO) -> None:
        # NumPy pads a header for its first axis to grow, so one with another count has the same length.
        header = {"descr": "|u1", "fortran_order": False, "shape": (self._photos, *self._size, 3)}
        np.lib.format.write_array_header_1_0(stream, header)


def open_shard(file: Path, photos: int, size: tuple[int, int]) -> Photos:
    """Memory-map one shard, read-only.

    Raises:
        StoreError: the file is missing, is not a whole .npy file, or does not hold what store.json says.
    """
    try:
        shard = np.load(file, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise StoreError(f"{file}: not a whole shard ({_line(error)}); prepare the store again") from None
    expected = (photos, *size, 3)
    if not isinstance(shard, np.memmap) or shard.dtype != np.uint8 or shard.shape != expected:
        raise StoreError(f"{file}: uint8 {expected} expected, but it holds {shard.dtype} {shard.shape}")
    if (actual := file.stat().st_size) != (whole := shard.offset + shard.nbytes):
        raise StoreError(f"{file}: {actual} bytes, but {whole} expected; prepare the store again")
    return np.asarray(shard)


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
