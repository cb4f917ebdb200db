"""Addresses of files that pyarrow knows: s3://bucket/runs, gs://..., hdfs://..., abfs://..., file:///nfs/runs.

What this machine keeps of them lies in $MASKTUNE_CACHE, or ~/.cache/masktune.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from common.errors import UriError

CACHE = "MASKTUNE_CACHE"
"""The environment variable that says where copies are kept."""

PATIENCE = 60
"""Seconds after which a Google storage that does not answer is given up; pyarrow would try for 15 minutes."""

_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ALMOST = re.compile(r"(s3|gs|gcs|hdfs|abfss?|file):(?!//)", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]*(:\d{1,5})?|\[[\da-fA-F:]+\](:\d{1,5})?")
_USERS = {"gs": ("", "anonymous"), "gcs": ("", "anonymous")}
_CONTAINERS = ("abfs", "abfss")
"""Where what stands before an @ is no user: abfs://container@account.dfs.core.windows.net/folder."""

_WORD, _NUMBER, _SWITCH = re.compile(r"[\w.-]{1,64}"), re.compile(r"\d{1,12}"), re.compile(r"true|false|0|1")
_OPTIONS = {
    "region": _WORD,
    "scheme": re.compile(r"https?"),
    "endpoint_override": re.compile(rf"(https?://)?({_HOST.pattern})/?"),
    **dict.fromkeys(("allow_bucket_creation", "allow_bucket_deletion", "allow_delayed_open", "enable_tls"), _SWITCH),
    **dict.fromkeys(("retry_limit_seconds", "replication", "buffer_size", "default_block_size"), _NUMBER),
    **dict.fromkeys(("default_bucket_location", "project_id", "user", "client_id", "tenant_id"), _WORD),
    **dict.fromkeys(("blob_storage_authority", "dfs_storage_authority", "credential_kind"), _HOST),
}
"""What may stand behind the ? of an address, and how: none of it is a secret."""

_FORBIDDEN = re.compile(r"ACCESS_DENIED|UNAUTHENTICATED|PERMISSION_DENIED|SIGNATURE|ACCESS_KEY|credential|HTTP 40[13]")
_UNKNOWN = "Unrecognized filesystem type"


def is_uri(location: str | os.PathLike[str]) -> bool:
    """Say whether it is an address such as s3://bucket/store, and not a folder of this machine."""
    return _URI.match(str(location)) is not None


def location(text: str) -> str | Path:
    """Keep an address as it is and make a folder of all else: an argparse type.

    Raises:
        UriError: it may have a secret in it.
    """
    refuse_secrets(text)
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
    """Refuse an address that has, or may have, a secret in it, by a UriError that does not repeat it; folders pass."""
    if almost := _ALMOST.match(uri):
        raise UriError(
            f"{almost[0]}...: an address begins with {almost[0]}//; for a folder of that name write ./ before it"
        )
    if not is_uri(uri):
        return
    kind, _, rest = uri.partition("://")
    parts = urlsplit(uri)
    user, _, host = parts.netloc.rpartition("@")
    if user not in _USERS.get(kind.lower(), ("",)) and (":" in user or kind.lower() not in _CONTAINERS):
        raise _has_secret(kind, "a user or a password is in it")
    if not _HOST.fullmatch(host) or (":" in host and "@" in rest):  # s3://KEY:SECRET@bucket whose SECRET has a slash
        raise _has_secret(kind, "what stands before its first / is no name of a bucket or host")
    if parts.fragment:
        raise _has_secret(kind, "a # is in it")
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _OPTIONS or not _OPTIONS[name].fullmatch(value):
            what = f"the value of ?{name}= is none" if name in _OPTIONS else "one of its options is none"
            raise _has_secret(kind, f"{what} of {', '.join(_OPTIONS)} as they are written")


def _has_secret(kind: str, why: str) -> UriError:
    return UriError(
        f"{kind}://...: {why}; an address is kept in search.json and in logs, so leave the password out of it: set it "
        "in the environment of every node (for s3://, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"
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
