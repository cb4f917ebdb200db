"""Reads, writes and lists files in a folder at an address."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from common.addresses.uris import child, connect
from common.files import replacing
from common.security.regular_file import RECORD, UnfitFile, opened

CHUNK = 8 * 2**20
"""Bytes read at a time: each is a request of its own to an object storage."""

_RENAMED = ("local", "hdfs")
"""Where a file is seen before it is whole: it gets its name when it is."""


@dataclass(frozen=True)
class Entry:
    """A file at an address.

    Attributes:
        modified: by the storage's clock.
    """

    size: int
    modified: datetime


@dataclass(frozen=True)
class RemoteFolder:
    """A folder at an address. Every method may raise the storage's OSError; a name may have slashes in it.

    Attributes:
        files: a pyarrow.fs.FileSystem.
        path: of the folder in there.
    """

    uri: str
    files: Any
    path: str

    @classmethod
    def of(cls, uri: str) -> RemoteFolder:
        """Connect to the folder at `uri`. Raises UriError: as for `connect`."""
        return cls(uri, *connect(uri))

    def __truediv__(self, name: str) -> RemoteFolder:
        return RemoteFolder(child(self.uri, name), self.files, f"{self.path}/{name}")

    def read(self, name: str) -> bytes | None:
        """Read a whole file; None where there is no such file."""
        try:
            return b"".join(self.chunks(name, RECORD))
        except FileNotFoundError:
            return None

    def chunks(self, name: str, limit: int | None = None) -> Iterator[bytes]:
        """Read a file; an OSError also where it has more than `limit` bytes, or is a pipe or the like at file://."""
        path = f"{self.path}/{name}"
        if self.files.type_name == "local":
            opened(Path(path), limit).close()
        with _as_os_error(), self.files.open_input_stream(path, compression=None) as stream:
            left = sys.maxsize if limit is None else limit
            while chunk := stream.read(CHUNK):
                if (left := left - len(chunk)) < 0:
                    raise UnfitFile(None, f"{name} has more than {limit:,} bytes", name)
                yield chunk

    def write(self, name: str, content: bytes) -> None:
        """Write a file: it is there whole, or not at all."""
        self._write(name, iter([content]))

    def upload(self, file: Path, name: str) -> None:
        with file.open("rb") as stream:
            self._write(name, iter(lambda: stream.read(CHUNK), b""))

    def download(self, name: str, file: Path) -> None:
        """Copy a file here: it gets its name when it is whole, and is as old as it is there."""
        info = self.files.get_file_info(f"{self.path}/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as fresh:
            with fresh.open("wb") as stream:
                stream.writelines(self.chunks(name))
            os.utime(fresh, ns=(info.mtime_ns, info.mtime_ns))

    def fetch(self, name: str, entry: Entry, file: Path) -> None:
        """`download` a file unless it is here already, as large and as old as the `entry` says."""
        here = file.stat() if file.exists() else None
        if here is None or (here.st_size, here.st_mtime) != (entry.size, entry.modified.timestamp()):
            self.download(name, file)

    def entry(self, name: str) -> Entry | None:
        from pyarrow.fs import FileType

        with _as_os_error():
            info = self.files.get_file_info(f"{self.path}/{name}")
        return Entry(info.size, info.mtime) if info.type == FileType.File else None

    def list(self, below: str = "") -> dict[str, Entry]:
        """List every file by its name, those of folders within as folder/name."""
        return {name: Entry(info.size, info.mtime) for name, info in self._found(below, True) if info.is_file}

    def names(self) -> set[str]:
        """List the names of the files and folders right in it."""
        return {name.partition("/")[0] for name, _ in self._found("", False)}

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with _as_os_error(), contextlib.suppress(FileNotFoundError):
            self.files.delete_file(f"{self.path}/{name}")

    def remove_folder(self, name: str) -> None:
        with _as_os_error(), contextlib.suppress(FileNotFoundError):
            self.files.delete_dir(f"{self.path}/{name}")

    def probe(self) -> None:
        """Write a file and remove it."""
        name = f".masktune-{uuid.uuid4().hex}"
        self.write(name, b"")
        self.remove(name)

    def _found(self, below: str, recursive: bool) -> Iterator[tuple[str, Any]]:
        base = f"{self.path}/{below}".rstrip("/")
        with _as_os_error():
            found = self.files.get_file_info(self._wanted(base, recursive))
        for info in found:
            name = str(PurePosixPath(info.path).relative_to(self.path))
            if ".." not in name.split("/"):
                yield name, info

    def _wanted(self, base: str, recursive: bool) -> Any:
        """What pyarrow lists. At file:// it would follow links to folders, and one that leads up again and again."""
        from pyarrow.fs import FileSelector

        if self.files.type_name != "local":
            return FileSelector(base, allow_not_found=True, recursive=recursive)
        walk = os.walk(base, onerror=_raise_unless_gone)
        below = ((folder, name) for folder, folders, files in walk for name in (*folders, *files))
        right_in_it = ((base, name) for name in (os.listdir(base) if Path(base).is_dir() else ()))  # noqa: PTH208
        return [f"{folder}/{name}" for folder, name in (below if recursive else right_in_it)]

    def _write(self, name: str, chunks: Iterator[bytes]) -> None:
        path = PurePosixPath(f"{self.path}/{name}")
        renamed = self.files.type_name in _RENAMED
        written = str(path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial") if renamed else path)
        with _as_os_error():
            if renamed:
                self.files.create_dir(str(path.parent), recursive=True)
            with self.files.open_output_stream(written, compression=None) as stream:
                for chunk in chunks:
                    stream.write(chunk)
            if renamed:
                self.files.move(written, str(path))


def _raise_unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """Some of pyarrow's errors are ValueErrors, also of a storage that does not answer."""
    try:
        yield
    except (ValueError, NotImplementedError) as error:
        raise OSError(str(error)) from None
