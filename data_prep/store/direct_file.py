"""Writes a new file past the page cache, and hashes it on the way.

A shard is written once and not read again by whoever writes it. Through the page cache, writing it takes as much of the
processor as decoding its photos does, or more; past it (O_DIRECT), the disk fetches the bytes by itself.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import mmap
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

BLOCK_BYTES = 2**22
BLOCKS = 3
"""One is filled while another is hashed and written, and a third waits for either."""

_SECTOR = 4096
_DIRECT = getattr(os, "O_DIRECT", 0)


class DirectFile:
    """A file that must not exist yet; a thread of its own hashes and writes what was added.

    Raises:
        OSError: from any call, for what could not be written at or before it.
    """

    def __init__(self, file: Path) -> None:
        self._descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        _set_direct(self._descriptor, True)
        self._hash, self._size = hashlib.sha256(), 0
        self._free: deque[Bytes] = deque(_aligned(BLOCK_BYTES) for _ in range(BLOCKS))
        self._block, self._used = self._free.popleft(), 0
        self._thread = ThreadPoolExecutor(1)
        self._written: deque[Future[Bytes]] = deque()

    def write(self, data: Bytes) -> None:
        """Append uint8 [bytes]."""
        while len(data):
            taken = data[: BLOCK_BYTES - self._used]
            self._block[self._used : self._used + len(taken)] = taken
            self._used += len(taken)
            data = data[len(taken) :]
            if self._used == BLOCK_BYTES:
                self._hand_over()

    def finish(self) -> str:
        """See that all is on the disk; returns its SHA-256."""
        self._hand_over()
        while self._written:
            self._written.popleft().result()
        os.ftruncate(self._descriptor, self._size)
        os.fsync(self._descriptor)
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let go of the file, and of what was added and not written yet."""
        self._thread.shutdown(cancel_futures=True)
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _hand_over(self) -> None:
        self._written.append(self._thread.submit(self._write_out, self._block, self._used))
        self._size += self._used
        self._block = self._free.popleft() if self._free else self._written.popleft().result()
        self._used = 0

    def _write_out(self, block: Bytes, used: int) -> Bytes:
        """Write a block, and return it to be filled again. What is after the file's last byte is cut off at its end."""
        self._hash.update(block[:used].data)
        left = block[: -(-used // _SECTOR) * _SECTOR].data
        while left:
            try:
                left = left[os.write(self._descriptor, left) :]
            except OSError as error:
                # Not every file system that takes the flag can do it, or with sectors of this size.
                if error.errno != errno.EINVAL or not _set_direct(self._descriptor, False):
                    raise
        return block


def _aligned(size: int) -> Bytes:
    return np.frombuffer(mmap.mmap(-1, size), np.uint8)


def _set_direct(descriptor: int, wanted: bool) -> bool:
    """Write past the page cache from now on, or through it; returns whether that changed anything."""
    before = fcntl.fcntl(descriptor, fcntl.F_GETFL)
    after = before | _DIRECT if wanted else before & ~_DIRECT
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETFL, after)
    except OSError:  # a file system without it
        return False
    return after != before
