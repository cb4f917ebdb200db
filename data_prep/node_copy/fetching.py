"""Fetches the files of a store at an address: some at a time, each under its own name only with the right SHA-256."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from common.errors import StoreError
from common.files import file_sha256, write_bytes
from data_prep.node_copy.remote import RemoteStore
from data_prep.store.files import META_FILE

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

    def all(self, hashes: Mapping[str, str]) -> None:
        """Fetch every file, by its name and SHA-256; what goes wrong with one, or Ctrl-C, stops the others.

        Raises:
            StoreError: one is not there, cannot be read, or is damaged.
        """
        pool = ThreadPoolExecutor(THREADS)
        try:
            for done in as_completed([pool.submit(self.one, *each) for each in hashes.items()]):
                done.result()
        finally:
            self.stop.set()
            pool.shutdown(cancel_futures=True)

    def one(self, name: str, sha256: str) -> None:
        """Fetch one file, unless it is there with this SHA-256; its name is given to the right bytes only."""
        file = self.into / name
        if not (file.is_file() and file_sha256(file) == sha256):
            write_bytes(file, self._checked(name, sha256))

    def _checked(self, name: str, sha256: str) -> Iterator[bytes]:
        digest = hashlib.sha256()
        for chunk in self.remote.chunks(name):
            if self.stop.is_set():
                raise CancelledError
            digest.update(chunk)
            self.advance(len(chunk))
            yield chunk
        if digest.hexdigest() != sha256:
            raise StoreError(
                f"{self.remote.uri}: {name} is damaged, its SHA-256 is not the one in {META_FILE}; upload it anew"
            )


@contextmanager
def bar(total: int, shown: bool) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, where that is a terminal; yields what moves it, by bytes."""
    console = Console(stderr=True)
    columns = (TextColumn("copying the store"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not (shown and console.is_terminal)) as progress:
        task = progress.add_task("", total=total)
        yield lambda n: progress.advance(task, n)
