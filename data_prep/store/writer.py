"""Writes a dataset store: photo by photo, into a folder that gets its name only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from common.errors import StoreError
from data_prep.labels import OFFICIAL_BANDS
from data_prep.store.files import COLUMNS, EVAL, SCHEMA, write_index, write_meta
from data_prep.store.moments import Moments
from data_prep.store.shards import PHOTOS_PER_SHARD, Photos, ShardWriter
from data_prep.store.split import SPLITS

KEPT_BACKGROUND: Mapping[str, Any] = {"method": "keep", "model": None, "sha256": None}


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

    def finish(self, **meta: Any) -> Path:
        """Write index.csv and store.json (`meta`: as for `seal`), rename the folder to `out`, and return that.

        Raises:
            StoreError: there is no train photo to take mean and std from, or `out` has appeared meanwhile.
        """
        self._close_shard()
        seal(self._folder, self.out, self.size, self._rows, self._shards, Moments.total(self._moments), **meta)
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


def seal(
    folder: Path,
    out: Path,
    size: tuple[int, int],
    rows: Sequence[Mapping[str, Any]],
    shards: Sequence[Mapping[str, Any]],
    moments: Moments,
    *,
    profile: str = "reference",
    bands: tuple[int, int] = OFFICIAL_BANDS,
    source_size: tuple[int, int] | None = None,
    background: Mapping[str, Any] = KEPT_BACKGROUND,
    masks: Mapping[str, Any] | None = None,
    left_out: Iterable[Mapping[str, str]] = (),
    split: Mapping[str, Any] | None = None,
    made_from: Mapping[str, Any] | None = None,
    versions: Mapping[str, str] | None = None,
) -> None:
    """Write index.csv and store.json beside the shards in `folder`, and rename it to `out`.

    Args:
        rows: of index.csv, in the order of the photos in the shards.
        shards: {"file", "photos", "sha256"} each, in their order.
        moments: of the train photos.
        source_size: (height, width) of the photos before they were treated; None: as stored.
        background: what was done to it: {"method", "model", "sha256"}.
        masks: what the masks of the background's removal were like.
        left_out: photos that are not in the store: {"path", "why"} each.
        split: how the splits were drawn, e.g. {"seed", "fractions"}.
        made_from: what tells these inputs and settings from others; kept in store.json as it is.
        versions: of the packages that made the pixels.

    Raises:
        StoreError: there is no train photo to take mean and std from, or `out` has appeared meanwhile.
    """
    index = pd.DataFrame(rows, columns=pd.Index(COLUMNS))
    if moments.pixels == 0:
        raise StoreError(f"{out}: no photo is left to train on, of {len(index)} in the store")
    write_index(folder, index)
    meta = {
        "schema": SCHEMA,
        "hash": "",
        "profile": profile,
        "bands": list(bands),
        "size": list(size),
        "source_size": list(source_size or size),
        "background": dict(background),
        "masks": dict(masks) if masks else None,
        "mean": moments.mean,
        "std": moments.std,
        "counts": _counts(index),
        "left_out": [dict(photo) for photo in left_out],
        "split": dict(split or {}),
        "made_from": dict(made_from or {}),
        "versions": dict(versions or {}),
        "index_sha256": "",
        "shards": [dict(shard) for shard in shards],
    }
    write_meta(folder, meta)
    try:
        folder.rename(out)
    except OSError as error:
        raise StoreError(f"cannot write {out}: {error.strerror}; choose another --out") from None


def _counts(index: pd.DataFrame) -> dict[str, Any]:
    return {
        "photos": len(index),
        "people": int(index.loc[index["split"] != EVAL, "person"].nunique()),
        "splits": {
            str(name): {"photos": len(rows), "people": int(rows["person"].nunique())}
            for name, rows in index.groupby("split", sort=True)
        },
    }
