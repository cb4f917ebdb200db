"""Keeps a store that is being made in a hidden folder beside its place. It outlives whoever makes it.

.faces.partial/settings.json        what decides the pixels; a run with others is refused
.faces.partial/lock                 held by the one process that makes it
.faces.partial/parts/00003.json     what became of part 3: written when its shard is there
.faces.partial/store/               index.csv, store.json and the shards; renamed to faces/ at the end
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock

from common.errors import StoreError
from common.files import flush, write_text
from common.security.regular_file import read_json, read_text
from common.wording import counted, things
from data_prep.choices import REMOVE
from data_prep.prepare.parts import Part, Record, cannot_write
from data_prep.store.meta import Contents, StoreMeta
from data_prep.store.moments import Moments
from data_prep.store.shards import open_shard
from data_prep.store.writer import make_folder, seal

SPARE = 64 * 2**20
"""Bytes of disk kept free beside what the shards need."""


class Draft:
    """The half-made store of `out`; a context manager that holds its lock.

    Attributes:
        folder: .NAME.partial.
        shards: where shards are written.

    Raises:
        StoreError: another process is at it, it was begun with other settings, or it cannot be written.
    """

    def __init__(self, out: Path, size: tuple[int, int], settings: Mapping[str, Any]) -> None:
        self.out, self.size = out.resolve(), size
        self.folder = folder_of(out)
        self.shards, self._parts = self.folder / "store", self.folder / "parts"
        self._settings = dict(settings)
        self._lock = filelock.FileLock(self.folder / "lock", timeout=0)

    def __enter__(self) -> Draft:
        for folder in (self.shards, self._parts):
            make_folder(folder, self.out)
        flush(self.folder)
        flush(self.folder.parent)
        self._take_lock()
        try:
            self._check_settings()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def records(self, parts: Sequence[Part]) -> dict[int, Record]:
        """Find what is done already, by the part's number: its photos are the same, and its shard is there."""
        return {part.number: record for part in parts if (record := self._record(part))}

    def keep(self, part: Part, record: Record) -> None:
        """Remember a part whose shard has been written."""
        try:
            write_text(self._file(part), record.to_json())
        except OSError as error:
            raise cannot_write(self._parts, error) from None

    def check_space(self, parts: Sequence[Part]) -> None:
        """Refuse to begin what the disk has no room for."""
        photos = sum(len(part.photos) for part in parts)
        needed = photos * self.size[0] * self.size[1] * 3 + SPARE
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            them = f"{counted(photos, 'photo')} of {self.size[0]}x{self.size[1]} {things(photos, 'needs', 'need')}"
            raise StoreError(
                f"{self.out.parent} has {free / 1e9:.3g} GB free, and {them} {needed / 1e9:.3g} GB: free some, choose "
                "another --out, or a smaller --size"
            )

    def finish(self, rows: Sequence[Mapping[str, Any]], records: Sequence[Record], meta: StoreMeta) -> Path:
        """Make the store of all parts and return its folder.

        Args:
            rows: of index.csv, in the order of the photos that are in the store.
        """
        shards = [record.shard for record in records if record.shard]
        self._forget_others({shard["file"] for shard in shards})
        moments = Moments.total(record.moments for record in records)
        try:
            seal(self.shards, self.out, Contents(self.size, rows, shards, moments), meta)
        except OSError as error:
            raise cannot_write(self.shards, error) from None
        sweep(self.out)
        return self.out

    def _forget_others(self, files: set[str]) -> None:
        """Remove what earlier runs left: shards of parts that there are no more."""
        for file in self.shards.iterdir():
            if file.name not in files:
                file.unlink()

    def _record(self, part: Part) -> Record | None:
        try:
            record = Record.from_json(read_text(self._file(part)))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None  # nobody's loss: the part is done again
        if record.key != part.key:
            return None
        if record.shard:
            try:
                open_shard(self.shards / record.shard["file"], record.shard["photos"], self.size)
            except StoreError:
                return None
        return record

    def _file(self, part: Part) -> Path:
        return self._parts / f"{part.number:05d}.json"

    def _take_lock(self) -> None:
        try:
            self._lock.acquire()
        except filelock.Timeout:
            raise StoreError(
                f"{self.out} is being made by another process: wait for it, or choose another --out"
            ) from None
        except OSError as error:
            raise cannot_write(self.folder, error) from None

    def _check_settings(self) -> None:
        file = self.folder / "settings.json"
        try:
            before = dict(read_json(file))
        except FileNotFoundError:
            before = None
        except (OSError, ValueError, TypeError):
            before = {}
        if before is None or not any(self._parts.iterdir()):
            write_text(file, json.dumps(self._settings))
        elif differs := differing(before, self._settings):
            raise StoreError(
                f"{self.folder} is a half-made store with other {', '.join(differs)}: run the command that began it, "
                "choose another --out, or remove that folder"
            )


def differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what is asked for now, and was not before; what earlier versions did not ask is what they did."""
    known = {"implausible": REMOVE, "group_near": False, **before}
    differ = [key for key, value in now.items() if known.get(key) != value]
    if "background" in differ and "implausible" in differ:
        differ.remove("implausible")  # it is a matter of the background
    if "contents_sha256" in differ and ("contents_sha256" not in before or "photos_sha256" in differ):
        differ.remove("contents_sha256")  # stores of 0.4 and before do not say
    return [_name(key, known.get(key), now[key]) for key in differ]


def _name(key: str, before: Any, now: Any) -> str:
    return f"{key} ({before}, not {now})" if key == "implausible" else key.removesuffix("_sha256")


def folder_of(out: Path) -> Path:
    """Name the folder where the half-made store of `out` lies."""
    return out.resolve().with_name(f".{out.name}.partial")


def sweep(out: Path) -> None:
    """Remove what is left of a draft once its store is there."""
    shutil.rmtree(folder_of(out), ignore_errors=True)
