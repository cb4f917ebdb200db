"""Reads a dataset store at an address that pyarrow knows: s3://, gs://, hdfs://, abfs://, file:// ..."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import StoreError, UriError
from common.security.regular_file import RECORD
from data_prep.store.files import META_FILE, read_meta


@dataclass(frozen=True)
class RemoteStore:
    """A store in a folder at an address."""

    folder: RemoteFolder

    @classmethod
    def of(cls, uri: str) -> RemoteStore:
        """Connect to `uri`; a StoreError where pyarrow does not know such addresses, or cannot reach this one."""
        try:
            return cls(RemoteFolder.of(uri))
        except UriError as error:
            raise StoreError(str(error)) from None

    @property
    def uri(self) -> str:
        return self.folder.uri

    def meta(self) -> tuple[dict[str, Any], bytes]:
        """Read store.json: checked, and as bytes.

        Raises:
            StoreError: there is none, or none that can be read here.
        """
        text = b"".join(self.chunks(META_FILE, RECORD))
        with tempfile.TemporaryDirectory() as folder, blaming(self.uri, folder):
            Path(folder, META_FILE).write_bytes(text)
            return read_meta(Path(folder)), text

    def chunks(self, name: str, limit: int) -> Iterator[bytes]:
        """Read the bytes of one of its files, which has at most `limit`.

        Raises:
            StoreError: it is not there, or cannot be read.
        """
        try:
            yield from self.folder.chunks(name, limit)
        except FileNotFoundError:
            raise StoreError(f"{self.uri}: {self._absent(name)}; upload all files of a store there") from None
        except OSError as error:
            raise StoreError(str(uris.refused(self.uri, error))) from None

    def _absent(self, name: str) -> str:
        from pyarrow.fs import FileType

        bucket, slash, _ = self.folder.path.partition("/")
        if bucket and slash and self.folder.files.get_file_info(bucket).type == FileType.NotFound:
            return f"there is no bucket {bucket}"
        return f"no store is there, or not all of one: there is no {name}"


@contextmanager
def blaming(uri: str, folder: str | Path) -> Iterator[None]:
    """Have an error about the files in `folder` blame the address that they came from."""
    try:
        yield
    except StoreError as error:
        raise StoreError(str(error).replace(str(folder), uri)) from None


def refuse_secrets(uri: str) -> None:
    """Refuse an address with a password in it, by a StoreError."""
    try:
        uris.refuse_secrets(uri)
    except UriError as error:
        raise StoreError(str(error)) from None
