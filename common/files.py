"""How files and folders are written: whole, under another name first, and on the disk before they have their own.

A rename keeps a reader, and a kill, from half a file; a power cut takes whatever the system has not written out yet, so
that after one a file may have its name and no content. What others go on from is therefore flushed before and after.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from common.errors import OptionError
from common.security.regular_file import opened


@contextmanager
def replacing(path: Path, *, alone: bool = False, flushed: bool = True) -> Iterator[Path]:
    """Yield a path to write a file at, which is renamed to `path` when the block ends, and removed on an error.

        with replacing(file) as fresh:
            image.save(fresh, format="PNG")

    Args:
        alone: only one process can be writing this file, so it has one temporary name: what a killed process left
            there is removed.
        flushed: it outlives a power cut from then on. False is for what is written anew anyway, or flushed later.
    """
    fresh = _beside(path, alone)
    try:
        fresh.unlink(missing_ok=True)
        fresh.touch()
        usual = fresh.stat().st_mode
        yield fresh
        if fresh.stat().st_mode != usual:  # safetensors makes files that nobody else can read
            fresh.chmod(usual)
        if flushed:
            flush(fresh)
        fresh.replace(path)
        if flushed:
            flush(path.parent)
    except BaseException:
        with suppress(OSError):  # what went wrong before is what matters
            fresh.unlink()
        raise


@contextmanager
def new_folder(path: Path, *, alone: bool = False, flushed: bool = True) -> Iterator[Path]:
    """Yield an empty folder to fill, which is renamed to `path` when the block ends, and removed on an error.

    By then nothing may be there but an empty folder. The folder that it lies in is not made: on a disk that is gone,
    that would be one below its mount point.

    Args:
        alone, flushed: as for `replacing`.
    """
    fresh = _beside(path, alone)
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        yield fresh
        if flushed:
            flush_tree(fresh)
        fresh.rename(path)
        if flushed:
            flush(path.parent)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _beside(path: Path, alone: bool) -> Path:
    # No `with_name`, which "." and "/" do not have: the rename says what is wrong with them.
    return path.parent / (f".{path.name}.partial" if alone else f".{path.name}.{os.getpid()}.partial")


def flush(path: Path) -> None:
    """See that a file's content, or the names in a folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT or not path.is_dir():
            raise
    finally:
        os.close(descriptor)


_CANNOT = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""What network file systems say to a folder that is to be flushed: they keep names at once."""


def flush_tree(folder: Path) -> None:
    """`flush` all files and folders in `folder`, and itself."""
    for each in folder.iterdir():
        flush_tree(each) if each.is_dir() else flush(each)
    flush(folder)


def move(file: Path, there: Path) -> None:
    """Rename a file, into another folder of the same disk if need be, for good."""
    file.rename(there)
    flush(there.parent)
    if file.parent != there.parent:
        flush(file.parent)


def write_text(path: Path, text: str, *, flushed: bool = True) -> None:
    with replacing(path, flushed=flushed) as fresh:
        fresh.write_text(text)


def write_json(path: Path, value: Any, *, flushed: bool = True) -> None:
    write_text(path, json.dumps(value, indent=2, default=str) + "\n", flushed=flushed)


def write_bytes(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file chunk by chunk. Only one process may write it at a time."""
    with replacing(path, alone=True) as fresh, fresh.open("wb") as stream:
        stream.writelines(chunks)


def check_file(option: str, file: Path) -> None:
    """Raises OptionError: no file can be written there, which is to be known before the work is done."""
    folder = file.absolute().parent
    if not folder.is_dir():
        raise OptionError(f"{option} {file}: the folder {folder} does not exist; make it first")
    if file.is_dir():
        raise OptionError(f"{option} {file}: that is a folder; name a file")
    with blaming(option, file), tempfile.TemporaryFile(dir=folder):
        pass


def check_folder(option: str, folder: Path) -> None:
    """Make the folder, if it is not there. Raises OptionError: nothing can be written in it."""
    with blaming(option, folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


@contextmanager
def blaming(option: str, path: Path) -> Iterator[None]:
    """What cannot be written within is an OptionError that names the option and its path: so is a device or a pipe, of
    which a rename would make a file."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise OptionError(f"{option} {path}: it is a device or a pipe; name a file")
        yield
    except OSError as error:
        why = error.strerror or error
        raise OptionError(f"{option} {path}: it cannot be written ({why}); name another place") from None


def file_sha256(file: Path, limit: int | None = None) -> str:
    """Raises OSError: it is no regular file, has more than `limit` bytes, or cannot be read."""
    with opened(file, limit) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
