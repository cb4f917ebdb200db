"""Opens ZIP archives that somebody else may have made: one whose files are stored as they are, and are no links, holds
no more than it is large, and no path in it leads anywhere."""

from __future__ import annotations

import re
import shutil
import stat
import zipfile
from collections.abc import Container
from pathlib import Path
from typing import IO

_PLAIN = re.compile(r"\w[\w.-]{0,199}", re.ASCII)


def is_plain(name: object) -> bool:
    """Whether it is the name of a file that lies in no other folder, on any system."""
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None


def check_stored(archive: zipfile.ZipFile) -> None:
    """Raises ValueError: a file in it is compressed or encrypted, and might unpack to more than it is."""
    for member in archive.infolist():
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise ValueError(f"{member.filename} is compressed or encrypted, which those that are written here are not")


def unpack(stream: IO[bytes], folder: Path, wanted: Container[str]) -> None:
    """Copy the files of these names from an archive of plain, stored files to an empty folder.

    Raises:
        ValueError: it is no such archive, or damaged. OSError: the folder cannot be written.
    """
    size = stream.seek(0, 2)
    try:
        with zipfile.ZipFile(stream) as archive:
            _check_plain(archive, size)
            for member in archive.infolist():
                if member.filename in wanted:
                    with archive.open(member) as source, (folder / member.filename).open("wb") as copy:
                        shutil.copyfileobj(source, copy, 2**20)
    # Besides BadZipFile: what is cut short, versions and methods that Python does not know.
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OverflowError) as error:
        raise ValueError(" ".join(str(error).split()) or type(error).__name__) from None


def _check_plain(archive: zipfile.ZipFile, size: int) -> None:
    check_stored(archive)
    names = [member.filename for member in archive.infolist()]
    if odd := next((name for name in names if not is_plain(name)), None):
        raise ValueError(f"{odd[:80]!r} is not the plain name of a file")
    if len(set(names)) < len(names):
        raise ValueError("two of its files have one name")
    if link := next((each.filename for each in archive.infolist() if stat.S_ISLNK(each.external_attr >> 16)), None):
        raise ValueError(f"{link} is a link")
    if sum(member.file_size for member in archive.infolist()) > size:
        raise ValueError("its files lie over each other")
