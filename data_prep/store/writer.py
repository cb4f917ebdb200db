"""Writes a dataset store: photo by photo, into a folder that gets its name only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from common.errors import StoreError
from common.files import flush
from data_prep.labels import SPLITS
from data_prep.store.files import COLUMNS, write_index, write_meta
from data_prep.store.meta import Contents, StoreMeta, store_json
from data_prep.store.moments import Moments
from data_prep.store.shards import PHOTOS_PER_SHARD, Photos, ShardWriter


class StoreWriter:
    """Writes a store beside `out` and renames it when it is whole; leaves nothing behind otherwise.

        with StoreWriter(out, (96, 72)) as writer:
            writer.add(photo, {"path": "p/normal.jpg", "person": "p", "mask": "none", ...})
            writer.finish()

    Raises:
        StoreError: `out` already exists.
    """

    def __init__(self, out: str | os.PathLike[str], size: tuple[int, int]) -> None:
        self.out = Path(out).resolve()
        if self.out.exists():
            raise StoreError(f"{self.out} already exists: choose another --out")
        self.size = size
        self._folder = self.out.with_name(f".{self.out.name}.partial-{secrets.token_hex(4)}")
        self._rows: list[Mapping[str, Any]] = []
        self._shards: list[dict[str, Any]] = []
        self._moments: list[Moments] = []
        self._shard: ShardWriter | None = None

    def __enter__(self) -> StoreWriter:
        make_folder(self._folder, self.out)
        return self

    def __exit__(self, *_: object) -> None:
        if self._shard is not None:
            self._shard.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, photo: Photos, row: Mapping[str, Any]) -> None:
        """Append a photo, uint8 [height, width, 3], and its index row (COLUMNS; None, NaN or "" where unknown)."""
        if self._shard is None:
            self._shard = ShardWriter(self._folder, len(self._shards), self.size)
        self._shard.add(photo)
        self._rows.append({column: row[column] for column in COLUMNS})
        if row["split"] == SPLITS[0]:
            self._moments.append(Moments.of(photo))
        if self._shard.photos == PHOTOS_PER_SHARD:
            self._close_shard()

    def finish(self, meta: StoreMeta | None = None) -> Path:
        """Write index.csv and store.json, rename the folder to `out`, and return that.

        Raises:
            StoreError: there is no train photo to take mean and std from, or `out` has appeared meanwhile.
        """
        self._close_shard()
        contents = Contents(self.size, self._rows, self._shards, Moments.total(self._moments))
        seal(self._folder, self.out, contents, meta or StoreMeta())
        return self.out

    def _close_shard(self) -> None:
        if self._shard is not None:
            self._shards.append(self._shard.finish())
            self._shard.close()
            self._shard = None


def make_folder(folder: Path, out: Path) -> None:
    """Make `folder`, in which a store is written that will be `out`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from None


def seal(folder: Path, out: Path, contents: Contents, meta: StoreMeta) -> None:
    """Write index.csv and store.json beside the shards in `folder`, and rename it to `out`.

    Raises:
        StoreError: there is no train photo to take mean and std from, or `out` has appeared meanwhile.
    """
    if contents.moments.pixels == 0:
        raise StoreError(f"{out}: no photo is left to train on, of {len(contents.rows)} in the store")
    write_index(folder, contents.index())
    write_meta(folder, store_json(contents, meta))
    try:
        folder.rename(out)
        flush(out.parent)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from None
