"""Opens the dataset store of a search: in a folder where it lies, or at an address by this node's own copy of it.

    store = open_store("s3://bucket/masks", expected=hash)

Copies are kept in $MASKTUNE_CACHE, or ~/.cache/masktune, as stores/<the first 16 digits of the store's hash>; all
processes of the node memory-map the one. The first to ask copies, under a lock, into a hidden folder that gets its name
when every file has the SHA-256 that store.json says; killed, it leaves what the next one goes on from.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from common.addresses.uris import CACHE, cache, is_uri
from common.errors import StoreError
from common.files import flush, write_bytes
from data_prep.node_copy.fetching import Fetching, bar
from data_prep.node_copy.remote import RemoteStore, blaming, refuse_secrets
from data_prep.store.files import META_FILE, open_shards, read_index, read_meta
from data_prep.store.store import Store

Location = str | os.PathLike[str]
Say = Callable[[str], None]


def quiet(line: str) -> None:
    """Say a line to nobody."""


def absolute(location: Location) -> str:
    """Name what finds the store again from any working folder: an address as it is, a folder by its whole path."""
    return str(location) if is_uri(location) else str(Path(location).absolute())


def open_store(
    location: Location,
    expected: str | None = None,
    *,
    verify: float = 0,
    say: Say = quiet,
    progress: bool = False,
) -> Store:
    """Open the store in a folder or at an address. Arguments as for `local`; `verify` as for `Store.open`, too.

    Raises:
        StoreError: as for `local` and `Store.open`, or it is not the store that is expected.
    """
    folder = local(location, expected, verify=verify, say=say, progress=progress)
    store = Store.open(folder, verify=0 if is_uri(location) else verify)
    _check_expected(store.path, store.hash, expected)
    return store


def open_again(
    place: str,
    expected: str,
    moved: str | None = None,
    *,
    verify: float = 0,
    say: Say = quiet,
    progress: bool = False,
) -> Store:
    """Open the store that a search had at `place`, which may have `moved`. The rest as for `open_store`.

    Raises:
        StoreError: as for `open_store`; where no other place was named, it says how to name one.
    """
    try:
        return open_store(moved or place, expected, verify=verify, say=say, progress=progress)
    except StoreError as error:
        hint = "" if moved else f"; if the store has moved, say where it is: --data STORE (was {place})"
        raise StoreError(f"{error}{hint}") from None


def local(
    location: Location,
    expected: str | None = None,
    *,
    verify: float = 0,
    say: Say = quiet,
    progress: bool = False,
) -> Path:
    """Find the folder of the store on this node: `location`, or the whole copy of an address, made if need be.

    Args:
        expected: hash of the store that it must be. Where that one's copy is here, the address is not asked.
        verify: hash a copy that is here already, and fetch anew what is damaged.
        say: hears a line that says where the copy is.
        progress: show a bar while copying.

    Raises:
        StoreError: at the address is no store, or another one than expected, or it cannot be read, or not kept here.
    """
    refuse_secrets(str(location))
    if not is_uri(location):
        return Path(location)
    uri = str(location)
    if expected is not None and _is_whole(_place(expected), expected, verify):
        say(f"store: the copy in {_place(expected)} of {uri}")
        return _place(expected)
    remote = RemoteStore.of(uri)
    meta, text = remote.meta()
    _check_expected(uri, meta["hash"], expected)
    try:
        return _copied(remote, meta, text, verify, say, progress)
    except (OSError, NotImplementedError) as error:  # the second where a file system knows no locks
        raise StoreError(
            f"{uri} cannot be copied to {_cache()} ({getattr(error, 'strerror', None) or error}); "
            f"set {CACHE} to a folder that can be written, on a disk with room"
        ) from None


def _check_expected(where: object, actual: str, expected: str | None) -> None:
    if expected is not None and actual != expected:
        raise StoreError(
            f"{where} is not the store that the search began with (its hash is {actual[:12]}..., and was "
            f"{expected[:12]}...); put that one there again"
        )


def _cache() -> Path:
    return cache() / "stores"


def _place(store_hash: str) -> Path:
    return _cache() / store_hash[:16]


def _is_whole(folder: Path, store_hash: str, verify: float) -> bool:
    try:
        return _open(folder, verify)["hash"] == store_hash
    except StoreError:
        return False


def _open(folder: Path, verify: float) -> dict[str, Any]:
    """Read store.json of a folder in which every file is whole."""
    meta = read_meta(folder)
    read_index(folder, meta)
    open_shards(folder, meta, verify)
    return meta


def _copied(remote: RemoteStore, meta: dict[str, Any], text: bytes, verify: float, say: Say, progress: bool) -> Path:
    folder, began = _place(meta["hash"]), time.monotonic()
    if not _is_whole(folder, meta["hash"], verify):
        with _lock(folder, say):
            if not _is_whole(folder, meta["hash"], verify):
                _copy(remote, meta, text, folder, progress)
                say(f"store: copied from {remote.uri} to {folder} in {time.monotonic() - began:.1f} s")
                return folder
    say(f"store: the copy in {folder} of {remote.uri}")
    return folder


@contextmanager
def _lock(folder: Path, say: Say) -> Iterator[None]:
    """Let one process of the node in at a time; the system frees the lock of one that dies."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.with_name(f".{folder.name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        say("store: another process of this node is copying it; waiting")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _copy(remote: RemoteStore, meta: Mapping[str, Any], text: bytes, folder: Path, progress: bool) -> None:
    """Fetch what is not there, or is not as it should be; a damaged copy is mended where it lies."""
    into = folder if folder.exists() else folder.with_name(f".{folder.name}.partial")
    into.mkdir(exist_ok=True)
    missing = _missing(meta, into)
    if (free := shutil.disk_usage(into).free) < missing:
        raise StoreError(
            f"{remote.uri}: {missing / 1e9:.1f} GB are needed in {folder.parent}, but {free / 1e9:.1f} GB are free; "
            f"set {CACHE} to a folder on a larger disk"
        )
    with bar(missing, progress) as advance:
        Fetching(remote, into, advance).all(meta)
    write_bytes(into / META_FILE, [text])
    with blaming(remote.uri, into):
        _open(into, verify=False)
    into.rename(folder)
    flush(folder.parent)


def _missing(meta: Mapping[str, Any], into: Path) -> int:
    """Count the bytes of the shards that are not there, without their headers."""
    photo = 3 * meta["size"][0] * meta["size"][1]
    return sum(photo * each["photos"] for each in meta["shards"] if not (into / str(each["file"])).is_file())
