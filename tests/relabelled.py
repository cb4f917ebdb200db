"""Copies of a store with other labels, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_prep.labels import IntArray
from data_prep.store import store as stores
from data_prep.store.meta import StoreMeta
from data_prep.store.store import Store


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
