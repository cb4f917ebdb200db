"""Fetches the files of a store at an address: some at a time, each under its own name only with the right SHA-256."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from common.errors import StoreError
from common.files import file_sha256, write_bytes
from common.security.regular_file import MEGABYTE
from data_prep.node_copy.remote import RemoteStore
from data_prep.store.files import INDEX_FILE, META_FILE, index_limit

THREADS = 8
"""Files at a time: one connection to an object storage is far slower than a node's network."""


@dataclass(frozen=True)
class Fetching:
    """Fetches a store's files into a folder.

    Attributes:
        advance: hears how many bytes came.
        stop: once set, threads end within a chunk.
    """

    remote: RemoteStore
    into: Path
    advance: Callable[[int], None]
    stop: threading.Event = field(default_factory=threading.Event)

    def all(self, meta: Mapping[str, Any]) -> None:
        """Fetch every file that store.json speaks of; what goes wrong with one, or Ctrl-C, stops the others.

        Raises:
            StoreError: one is not there, cannot be read, or is damaged.
        """
        pool = ThreadPoolExecutor(THREADS)
        try:
            for done in as_completed([pool.submit(self.one, *each) for each in _files(meta)]):
                done.result()
        finally:
            self.stop.set()
            pool.shutdown(cancel_futures=True)

    def one(self, name: str, sha256: str, limit: int) -> None:
        """Fetch one file, unless it is there with this SHA-256; its name is given to the right bytes only.

        Args:
            limit: bytes that it has at most.
        """
        file = self.into / name
        if not (file.is_file() and file_sha256(file) == sha256):
            write_bytes(file, self._checked(name, sha256, limit))

    def _checked(self, name: str, sha256: str, limit: int) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for chunk in self.remote.chunks(name, limit):
            if self.stop.is_set():
                raise CancelledError
            digest.update(chunk)
            self.advance(len(chunk))
            yield chunk
        if digest.hexdigest() != sha256:
            raise StoreError(
                f"{self.remote.uri}: {name} is damaged, its SHA-256 is not the one in {META_FILE}; upload it anew"
            )


def _files(meta: Mapping[str, Any]) -> list[tuple[str, str, int]]:
    """List the files beside store.json: name, SHA-256, and bytes at most."""
    height, width = meta["size"]
    shards = [(each["file"], each["sha256"], MEGABYTE + each["photos"] * height * width * 3) for each in meta["shards"]]
    return [(INDEX_FILE, meta["index_sha256"], index_limit(meta)), *shards]


@contextmanager
def bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, where that is a terminal; yields what moves it, by bytes."""
    console = Console(stderr=True)
    columns = (TextColumn("copying the store"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as progress:
        task = progress.add_task("", total=total)
        yield lambda n: progress.advance(task, n)
