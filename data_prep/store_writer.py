"""Writes a dataset store: photo by photo, into a folder that gets its name only when it is whole."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_prep.labels import OFFICIAL_BANDS
from data_prep.shards import Photos, ShardWriter
from data_prep.split import SPLITS
from data_prep.store_files import COLUMNS, EVAL, SCHEMA, write_index, write_meta
from errors import StoreError

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
        # Counts of each byte value in each channel: exact whatever the order, so mean and std are too.
        self._histogram = np.zeros((3, 256), dtype=np.int64)

    def __enter__(self) -> StoreWriter:
        try:
            self._folder.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"cannot write {self.out}: {error.strerror}; choose another --out") from None
        self._shards = ShardWriter(self._folder, self.size)
        return self

    def __exit__(self, *_: object) -> None:
        self._shards.abandon()
        shutil.rmtree(self._folder, ignore_errors=True)

    def add(self, photo: Photos, row: Mapping[str, Any]) -> None:
        """Append a photo, uint8 [height, width, 3], and its index row (COLUMNS; None, NaN or "" where unknown)."""
        self._shards.add(photo)
        self._rows.append({column: row[column] for column in COLUMNS})
        if row["split"] == SPLITS[0]:
            for channel, counts in enumerate(self._histogram):
                counts += np.bincount(photo[..., channel].ravel(), minlength=256)

    def finish(
        self,
        *,
        profile: str = "reference",
        bands: tuple[int, int] = OFFICIAL_BANDS,
        source_size: tuple[int, int] | None = None,
        background: Mapping[str, Any] = KEPT_BACKGROUND,
        left_out: Iterable[Mapping[str, str]] = (),
        split: Mapping[str, Any] | None = None,
        made_from: Mapping[str, Any] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> Path:
        """Write index.csv and store.json, rename the folder to `out`, and return that.

        Args:
            source_size: (height, width) of the photos before they were treated; None: as stored.
            background: what was done to it: {"method", "model", "sha256"}.
            left_out: photos that are not in the store: {"path", "why"} each.
            split: how the splits were drawn, e.g. {"seed", "fractions"}.
            made_from: what tells these inputs and settings from others; kept in store.json as it is.
            versions: of the packages that made the pixels.

        Raises:
            StoreError: there is no train photo to take mean and std from, or `out` has appeared meanwhile.
        """
        self._shards.close()
        index = pd.DataFrame(self._rows, columns=pd.Index(COLUMNS))
        mean, std = self._statistics()
        write_index(self._folder, index)
        meta = {
            "schema": SCHEMA,
            "hash": "",
            "profile": profile,
            "bands": list(bands),
            "size": list(self.size),
            "source_size": list(source_size or self.size),
            "background": dict(background),
            "mean": mean,
            "std": std,
            "counts": _counts(index),
            "left_out": [dict(photo) for photo in left_out],
            "split": dict(split or {}),
            "made_from": dict(made_from or {}),
            "versions": dict(versions or {}),
            "index_sha256": "",
            "shards": self._shards.shards,
        }
        write_meta(self._folder, meta)
        self._take_name()
        return self.out

    def _take_name(self) -> None:
        try:
            self._folder.rename(self.out)
        except OSError as error:
            raise StoreError(f"cannot write {self.out}: {error.strerror}; choose another --out") from None

    def _statistics(self) -> tuple[list[float], list[float]]:
        pixels = self._histogram[0].sum()
        if pixels == 0:
            raise StoreError(f"{self.out}: no photo is left to train on, of {len(self._rows)} in the store")
        values = np.arange(256) / 255
        mean = self._histogram @ values / pixels
        variance = (self._histogram * np.square(values - mean[:, None])).sum(axis=1) / pixels
        return mean.tolist(), np.sqrt(variance).tolist()


def _counts(index: pd.DataFrame) -> dict[str, Any]:
    return {
        "photos": len(index),
        "people": int(index.loc[index["split"] != EVAL, "person"].nunique()),
        "splits": {
            str(name): {"photos": len(rows), "people": int(rows["person"].nunique())}
            for name, rows in index.groupby("split", sort=True)
        },
    }
