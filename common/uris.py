"""Addresses of files that pyarrow knows: s3://bucket/runs, gs://..., hdfs://..., abfs://..., file:///nfs/runs.

What this machine keeps of them lies in $MASKTUNE_CACHE, or ~/.cache/masktune.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from common.errors import UriError

CACHE = "MASKTUNE_CACHE"
"""The environment variable that says where copies are kept."""

PATIENCE = 60
"""Seconds after which a Google storage that does not answer is given up; pyarrow would try for 15 minutes."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SECRETS = ("client_secret", "sig")
_FORBIDDEN = re.compile(r"ACCESS_DENIED|UNAUTHENTICATED|PERMISSION_DENIED|SIGNATURE|ACCESS_KEY|credential|HTTP 40[13]")
_UNKNOWN = "Unrecognized filesystem type"


def is_uri(location: str | os.PathLike[str]) -> bool:
    """Say whether it is an address such as s3://bucket/store, and not a folder of this machine."""
    return _URI.match(str(location)) is not None


def location(text: str) -> str | Path:
    """Keep an address as it is and make a folder of all else: an argparse type."""
    return text if is_uri(text) else Path(text)


def cache() -> Path:
    """Name the folder where this machine keeps copies."""
    named = os.environ.get(CACHE)
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "masktune"
    return (Path(named).expanduser() if named else home).absolute()


def place(room: str, uri: str) -> Path:
    """Name the folder of this machine for what is at `uri`, in one room of the cache; what is below lies within it."""
    parts = urlsplit(uri)
    digest = hashlib.sha256(f"{parts.scheme}://{parts.netloc}?{parts.query}".encode()).hexdigest()
    return cache().joinpath(room, digest[:16], *_names(parts.path))


def child(uri: str, name: str) -> str:
    """Name what is below a URI: s3://bucket/runs?region=x, first -> s3://bucket/runs/first?region=x"""
    parts = urlsplit(uri)
    return parts._replace(path=f"{parts.path.rstrip('/')}/{name}").geturl()


def parent(uri: str) -> str:
    parts = urlsplit(uri)
    return parts._replace(path=parts.path.rstrip("/").rpartition("/")[0]).geturl()


def refuse_secrets(uri: str) -> None:
    """Refuse an address with a password in it, by a UriError: search.json and logs would keep it."""
    parts = urlsplit(uri)
    if parts.password or any(name in parse_qs(parts.query) for name in _SECRETS):
        raise UriError(
            f"{parts.scheme}://{parts.hostname}...: an address is kept in search.json and in logs, so leave the "
            "password out of it: set it in the environment of every node (for s3://, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY)"
        )


def connect(uri: str) -> tuple[Any, str]:
    """Find the pyarrow.fs.FileSystem of an address, and the path in there.

    Raises:
        UriError: pyarrow does not know such addresses, or cannot reach this one, or it has a password in it.
    """
    from pyarrow.fs import FileSystem  # only addresses need it

    refuse_secrets(uri)
    try:
        files, path = FileSystem.from_uri(_with_options(uri))
    except (OSError, ValueError, NotImplementedError) as error:
        raise refused(uri, error) from None
    return files, path.rstrip("/")


def refused(uri: str, error: Exception, what: str = "read") -> UriError:
    """Put pyarrow's error in one line that says what to do."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    if _UNKNOWN in lines[0]:
        return UriError(
            f"{uri}: no such kind of address; name a folder, or one of s3://, gs://, hdfs://, abfs://, file://"
        )
    advice = (
        "its network and its credentials"
        if not _FORBIDDEN.search(lines[0])
        else ("its credentials (for s3://, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or ~/.aws)")
    )
    return UriError(f"{uri} cannot be {what} ({lines[0]}); check the address and, on this machine, {advice}")


def _names(path: str) -> list[str]:
    names = [name for name in path.split("/") if name not in ("", ".")]
    if ".." in names:
        raise UriError(f"{path}: an address without .. in it is needed; name the folder itself")
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
