"""Stores for tests: photos that nobody looks at, and copies of a store with other labels."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.files import file_sha256
from data_prep.labels import IntArray
from data_prep.store import store as stores
from data_prep.store.files import INDEX_FILE, META_FILE, _json_hash, content_hash
from data_prep.store.meta import StoreMeta
from data_prep.store.shards import Photos
from data_prep.store.store import Store


def coloured(shape: tuple[int, ...]) -> Photos:
    """Photos that differ, as a store's must."""
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def relabelled(store: Store, folder: Path, index: pd.DataFrame, rows: IntArray | None = None, **meta: Any) -> Store:
    """The same photos, or those at `rows`, under another index.csv, and what else of store.json shall differ."""
    kept = {"profile": store.profile, "source_size": store.source_size, "bands": store.bands}
    photos = store.read(np.arange(len(store)) if rows is None else rows)
    return stores.write(folder, photos, index, StoreMeta(**{**kept, **meta}))


def mixed(store: Store, folder: Path, **meta: Any) -> Store:
    """Every third photo lacks one of its labels, in every split."""
    index = store.index.copy()
    for number, label in enumerate(("mask", "gender", "age")):
        index.loc[number * 3 :: 9, label] = None
    return relabelled(store, folder, index, **meta)


def without(store: Store, folder: Path, *labels: str, split: str | None = None) -> Store:
    """No photo has these labels, or none of a split."""
    index = store.index.copy()
    index.loc[index["split"].eq(split) if split else slice(None), list(labels)] = None
    return relabelled(store, folder, index)


def forged(folder: Path, **changes: Any) -> None:
    """Have a store's store.json say something else, with hashes that fit."""
    meta = {**json.loads((folder / META_FILE).read_text()), **changes}
    meta["index_sha256"] = file_sha256(folder / INDEX_FILE) if "index_sha256" not in changes else meta["index_sha256"]
    with suppress(Exception):  # of nonsense there is no hash
        meta["hash"] = content_hash(meta) if "hash" not in changes else meta["hash"]
    meta["json_sha256"] = _json_hash(meta)
    (folder / META_FILE).write_text(json.dumps(meta))
