"""How files and folders are written: whole, under another name first."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from common.security.regular_file import opened


@contextmanager
def replacing(path: Path, *, alone: bool = False) -> Iterator[Path]:
    """Yield a path to write a file at, which is renamed to `path` when the block ends, and removed on an error.

        with replacing(file) as fresh:
            image.save(fresh, format="PNG")

    Args:
        alone: only one process can be writing this file, so it has one temporary name: what a killed process left
            there is removed.
    """
    fresh = _beside(path, alone)
    try:
        fresh.unlink(missing_ok=True)
        fresh.touch()
        usual = fresh.stat().st_mode
        yield fresh
        if fresh.stat().st_mode != usual:  # safetensors makes files that nobody else can read
            fresh.chmod(usual)
        fresh.replace(path)
    except BaseException:
        with suppress(OSError):  # what went wrong before is what matters
            fresh.unlink()
        raise


@contextmanager
def new_folder(path: Path, *, alone: bool = False) -> Iterator[Path]:
    """Yield an empty folder to fill, which is renamed to `path` when the block ends, and removed on an error.

    By then nothing may be there but an empty folder. The folder that it lies in is not made: on a disk that is gone,
    that would be one below its mount point.

    Args:
        alone: as for `replacing`.
    """
    fresh = _beside(path, alone)
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir()
        yield fresh
        fresh.rename(path)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _beside(path: Path, alone: bool) -> Path:
    return path.with_name(f".{path.name}.partial" if alone else f".{path.name}.{os.getpid()}.partial")


def write_text(path: Path, text: str) -> None:
    with replacing(path) as fresh:
        fresh.write_text(text)


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, default=str) + "\n")


def write_durably(path: Path, chunks: Iterable[bytes]) -> None:
    """Write a file that is on the disk before it has its name. Only one process may write it at a time."""
    with replacing(path, alone=True) as fresh, fresh.open("wb") as stream:
        stream.writelines(chunks)
        stream.flush()
        os.fsync(stream.fileno())


def file_sha256(file: Path) -> str:
    """Raises OSError: it is no regular file, or cannot be read."""
    with opened(file) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
