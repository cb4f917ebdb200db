"""Files at an address that pyarrow knows: s3://bucket/runs, gs://..., hdfs://..., abfs://..., file:///nfs/runs.

What this machine keeps of them lies in $MASKTUNE_CACHE, or ~/.cache/masktune.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, urlsplit

from errors import AddressError

CACHE = "MASKTUNE_CACHE"
"""The environment variable that says where copies are kept."""

CHUNK = 8 * 2**20
"""Bytes read at a time: each is a request of its own to an object storage."""

PATIENCE = 60
"""Seconds after which a Google storage that does not answer is given up; pyarrow would try for 15 minutes."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SECRETS = ("client_secret", "sig")
_FORBIDDEN = re.compile(r"ACCESS_DENIED|UNAUTHENTICATED|PERMISSION_DENIED|SIGNATURE|ACCESS_KEY|credential|HTTP 40[13]")
_UNKNOWN = "Unrecognized filesystem type"
_RENAMED = ("local", "hdfs")
"""Where a file is seen before it is whole: it gets its name when it is."""


def is_uri(location: str | os.PathLike[str]) -> bool:
    """Whether it is an address such as s3://bucket/store, and not a folder of this machine."""
    return _ADDRESS.match(str(location)) is not None


def location(text: str) -> str | Path:
    """An argparse type: an address as it is, or a folder."""
    return text if is_uri(text) else Path(text)


def cache() -> Path:
    """Where this machine keeps copies."""
    named = os.environ.get(CACHE)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "masktune"
    return (Path(named).expanduser() if named else home).absolute()


def place(room: str, uri: str) -> Path:
    """The folder of this machine for what is at `uri`, in one room of the cache; of a folder in there, within it."""
    parts = urlsplit(uri)
    digest = hashlib.sha256(f"{parts.scheme}://{parts.netloc}?{parts.query}".encode()).hexdigest()
    return cache().joinpath(room, digest[:16], *_names(parts.path))


def child(uri: str, name: str) -> str:
    """s3://bucket/runs?region=x, first -> s3://bucket/runs/first?region=x"""
    parts = urlsplit(uri)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{name}").geturl()


def parent(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(path=parts.path.rstrip("/").rpartition("/")[0]).geturl()


def refuse_secrets(uri: str) -> None:
    """Raises AddressError for an address with a password in it: search.json and logs would keep it."""
    parts = urlsplit(uri)
    if parts.password or any(name in parse_qs(parts.query) for name in _SECRETS):
        raise AddressError(
            f"{parts.scheme}://{parts.hostname}...: an address is kept in search.json and in logs, so leave the "
            "password out of it: set it in the environment of every node (for s3://, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY)"
        )


def connect(uri: str) -> tuple[Any, str]:
    """A pyarrow.fs.FileSystem and the path in there, for an address.

    Raises:
        AddressError: pyarrow does not know such addresses, or cannot reach this one, or it has a password in it.
    """
    from pyarrow.fs import FileSystem  # type: ignore[import-untyped]  # only addresses need it

    refuse_secrets(uri)
    try:
        files, path = FileSystem.from_uri(_with_options(uri))
    except (OSError, ValueError, NotImplementedError) as error:
        raise refused(uri, error) from None
    return files, path.rstrip("/")


def refused(uri: str, error: Exception, what: str = "read") -> AddressError:
    """pyarrow's error in one line that says what to do."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if _UNKNOWN in lines[0]:
        return AddressError(
            f"{uri}: no such kind of address; name a folder, or one of s3://, gs://, hdfs://, abfs://, file://"
        )
    advice = (
        "its network and its credentials"
        if not _FORBIDDEN.search(lines[0])
        else ("its credentials (for s3://, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws)")
    )
    return AddressError(f"{uri} cannot be {what} ({lines[0]}); check the address and, on this machine, {advice}")


@dataclass(frozen=True)
class Entry:
    """A file at an address.

    Attributes:
        modified: by the storage's clock.
    """

    size: int
    modified: datetime


@dataclass(frozen=True)
class Folder:
    """A folder at an address. Every method may raise the storage's OSError; a name may have slashes in it.

    Attributes:
        files: a pyarrow.fs.FileSystem.
        path: of the folder in there.
    """

    uri: str
    files: Any
    path: str

    @classmethod
    def of(cls, uri: str) -> Folder:
        """Raises AddressError: as for `connect`."""
        return cls(uri, *connect(uri))

    def __truediv__(self, name: str) -> Folder:
        return Folder(child(self.uri, name), self.files, f"{self.path}/{name}")

    def read(self, name: str) -> bytes | None:
        """None where there is no such file."""
        try:
            return b"".join(self.chunks(name))
        except FileNotFoundError:
            return None

    def chunks(self, name: str) -> Iterator[bytes]:
        with _as_os_error(), self.files.open_input_stream(f"{self.path}/{name}", compression=None) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk

    def write(self, name: str, content: bytes) -> None:
        """Whole, or not at all."""
        self._write(name, iter([content]))

    def upload(self, file: Path, name: str) -> None:
        with file.open("rb") as stream:
            self._write(name, iter(lambda: stream.read(CHUNK), b""))

    def download(self, name: str, file: Path) -> None:
        """Under its name when it is whole, and as old as it is there."""
        info = self.files.get_file_info(f"{self.path}/{name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(f".{file.name}.{os.getpid()}.partial")
        with fresh.open("wb") as stream:
            stream.writelines(self.chunks(name))
        os.utime(fresh, ns=(info.mtime_ns, info.mtime_ns))
        fresh.replace(file)

    def fetch(self, name: str, entry: Entry, file: Path) -> None:
        """`download`, unless it is here already, as large and as old as the `entry` says."""
        here = file.stat() if file.exists() else None
        if here is None or (here.st_size, here.st_mtime) != (entry.size, entry.modified.timestamp()):
            self.download(name, file)

    def entry(self, name: str) -> Entry | None:
        from pyarrow.fs import FileType

        with _as_os_error():
            info = self.files.get_file_info(f"{self.path}/{name}")
        return Entry(info.size, info.mtime) if info.type == FileType.File else None

    def list(self, below: str = "") -> dict[str, Entry]:
        """Every file by its name, those of folders within as folder/name."""
        return {name: Entry(info.size, info.mtime) for name, info in self._found(below, True) if info.is_file}

    def names(self) -> set[str]:
        """Of the files and folders right in it."""
        return {name.partition("/")[0] for name, _ in self._found("", False)}

    def remove(self, name: str) -> None:
        """A file, if it is there."""
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
        from pyarrow.fs import FileSelector

        base = f"{self.path}/{below}".rstrip("/")
        with _as_os_error():
            found = self.files.get_file_info(FileSelector(base, allow_not_found=True, recursive=recursive))
        for info in found:
            name = str(PurePosixPath(info.path).relative_to(self.path))
            if ".." not in name.split("/"):
                yield name, info

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


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """Some of pyarrow's errors are ValueErrors, also of a storage that does not answer."""
    try:
        yield
    except (ValueError, NotImplementedError) as error:
        raise OSError(str(error)) from None


def _names(path: str) -> list[str]:
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        raise AddressError(f"{path}: an address without .. in it is needed; name the folder itself")
    return names


def _with_options(uri: str) -> str:
    """A Google storage that does not answer is given up in time; S3 takes a file in one request instead of three."""
    kind, option = uri.split(":")[0], ""
    if kind in ("gs", "gcs"):
        option = f"retry_limit_seconds={PATIENCE}"
    elif kind == "s3":
        option = "allow_delayed_open=true"
    if not option or option.split("=")[0] in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{option}"
