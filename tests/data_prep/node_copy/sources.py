"""Stores at addresses, what is done to them, and which copies of them are there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_prep.store import store as stores
from data_prep.store.store import Store
from tests.helpers.relabelled import forged

SHARDS = [f"images-{number:05d}.npy" for number in range(4)]


def make(folder: Path, seed: int) -> Store:
    photos = np.random.default_rng(seed).integers(0, 256, (8, 16, 12, 3), dtype=np.uint8)
    people = [f"p{number}" for number in range(8)]
    labels = {"mask": "none", "gender": "male", "age": 20, "split": ["train"] * 4 + ["val"] * 2 + ["test"] * 2}
    return stores.write(folder, photos, pd.DataFrame({"path": people, "person": people, **labels}))


def uri(store: Store) -> str:
    return f"file://{store.path}"


def flip(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)


def forge(store: Store, meta: dict[str, Any]) -> None:
    """Another store.json, whose hashes are right."""
    forged(store.path, **{name: value for name, value in meta.items() if name not in ("hash", "index_sha256")})


def copies(cache: Path) -> list[str]:
    """The folders in the cache that bear a copy's name."""
    return [entry.name for entry in cache.glob("*") if not entry.name.startswith(".")]
