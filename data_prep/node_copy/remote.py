"""A dataset store at an address that pyarrow knows: s3://, gs://, hdfs://, abfs://, file:// ..."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from data_prep.store_files import INDEX_FILE, META_FILE, read_meta
from errors import StoreError

CHUNK = 8 * 2**20
"""Bytes read at a time: each is a request of its own to an object storage."""

PATIENCE = 60
"""Seconds after which a Google storage that does not answer is given up; pyarrow would try for 15 minutes."""

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_FILE = re.compile(r"\w[\w.-]*", re.ASCII)
_SECRETS = ("client_secret", "sig")
_FORBIDDEN = re.compile(r"ACCESS_DENIED|UNAUTHENTICATED|PERMISSION_DENIED|SIGNATURE|ACCESS_KEY|credential|HTTP 40[13]")
_UNKNOWN = "Unrecognized filesystem type"


def is_uri(location: str | os.PathLike[str]) -> bool:
    """Whether it is an address such as s3://bucket/store, and not a folder of this machine."""
    return _ADDRESS.match(str(location)) is not None


@dataclass(frozen=True)
class Remote:
    """A store at an address.

    Attributes:
        files: a pyarrow.fs.FileSystem.
        path: of the store's folder in there.
    """

    uri: str
    files: Any
    path: str

    @classmethod
    def of(cls, uri: str) -> Remote:
        """Raises StoreError where pyarrow does not know such addresses, or cannot reach this one."""
        from pyarrow.fs import FileSystem  # type: ignore[import-untyped]  # only addresses need it

        refuse_secrets(uri)
        try:
            files, path = FileSystem.from_uri(_impatient(uri))
        except (OSError, ValueError, NotImplementedError) as error:
            raise _refused(uri, error) from None
        return cls(uri, files, path.rstrip("/"))

    def meta(self) -> tuple[dict[str, Any], bytes]:
        """store.json, checked, and its bytes.

        Raises:
            StoreError: there is none, or none that can be read here.
        """
        text = b"".join(self.chunks(META_FILE))
        with tempfile.TemporaryDirectory() as folder, said_of(self.uri, folder):
            Path(folder, META_FILE).write_bytes(text)
            return read_meta(Path(folder)), text

    def hashes(self, meta: Mapping[str, Any]) -> dict[str, str]:
        """The files beside store.json and the SHA-256 of each.

        Raises:
            StoreError: a name that would lie elsewhere than in the store's folder.
        """
        hashes = {INDEX_FILE: meta["index_sha256"], **{str(each["file"]): each["sha256"] for each in meta["shards"]}}
        for name in hashes:
            if not _FILE.fullmatch(name) or name == META_FILE:
                raise StoreError(f"{self.uri}: {META_FILE} names {name!r}, which is no file of a store; upload it anew")
        return hashes

    def chunks(self, name: str) -> Iterator[bytes]:
        """The bytes of one of its files.

        Raises:
            StoreError: it is not there, or cannot be read.
        """
        try:
            with self.files.open_input_stream(f"{self.path}/{name}", compression=None) as stream:
                while chunk := stream.read(CHUNK):
                    yield chunk
        except FileNotFoundError:
            raise StoreError(f"{self.uri}: {self._absent(name)}; upload all files of a store there") from None
        except (OSError, ValueError, NotImplementedError) as error:
            raise _refused(self.uri, error) from None

    def _absent(self, name: str) -> str:
        from pyarrow.fs import FileType

        bucket, slash, _ = self.path.partition("/")
        if bucket and slash and self.files.get_file_info(bucket).type == FileType.NotFound:
            return f"there is no bucket {bucket}"
        return f"no store is there, or not all of one: there is no {name}"


@contextmanager
def said_of(uri: str, folder: str | Path) -> Iterator[None]:
    """What is wrong with the files in `folder` is said of the address that they came from."""
    try:
        yield
    except StoreError as error:
        raise StoreError(str(error).replace(str(folder), uri)) from None


def refuse_secrets(uri: str) -> None:
    """Raises StoreError for an address with a password in it: search.json and logs would keep it."""
    parts = urlsplit(uri)
    if parts.password or any(name in parse_qs(parts.query) for name in _SECRETS):
        raise StoreError(
            f"{parts.scheme}://{parts.hostname}...: an address is kept in search.json and in logs, so leave the "
            "password out of it: set it in the environment of every node (for s3://, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY)"
        )


def _impatient(uri: str) -> str:
    if uri.split(":")[0] not in ("gs", "gcs") or "retry_limit_seconds" in uri:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}retry_limit_seconds={PATIENCE}"


def _refused(uri: str, error: Exception) -> StoreError:
    """pyarrow's error in one line that says what to do."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if _UNKNOWN in lines[0]:
        return StoreError(
            f"{uri}: no such kind of address; name a folder, or one of s3://, gs://, hdfs://, abfs://, file://"
        )
    advice = (
        "its network and its credentials"
        if not _FORBIDDEN.search(lines[0])
        else ("its credentials (for s3://, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws)")
    )
    return StoreError(f"{uri} cannot be read ({lines[0]}); check the address and, on this machine, {advice}")
