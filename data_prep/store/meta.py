"""What store.json says of a dataset store: what its maker knows of it, and what its photos and labels come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from common.wording import counted
from data_prep.labels import OFFICIAL_BANDS
from data_prep.store.files import COLUMNS, EVAL, SCHEMA
from data_prep.store.moments import Moments
from data_prep.task import REFERENCE, Task

KEPT_BACKGROUND: Mapping[str, Any] = {"method": "keep", "model": None, "sha256": None}

Size = tuple[int, int]


@dataclass(frozen=True)
class StoreMeta:
    """What the maker of a store knows of it, beside its photos and labels.

    Attributes:
        profile: "reference", "sample" or "photos": how trials on it train unless told otherwise.
        task: what is predicted.
        bands: the official age bands' first ages, in years.
        source_size: (height, width) of the photos before they were treated; None: as stored.
        background: what was done to it: {"method", "model", "sha256"}.
        implausible: what was done with photos whose mask is hard to believe; None where the background is kept.
        masks: what the masks of the background's removal were like.
        left_out: photos that are not in the store: {"path", "why"} each, and "eval", its place among the photos to
            predict, from 0, if it is one.
        not_used: what lay beside the photos: {"why", "paths"} each.
        sizes: those of the photos before they were treated, {"smallest", "largest", "commonest", "share", "enlarged"}.
        identical, near: photos that are (nearly) the same: {"groups", "photos", "contradict"}; None: nobody looked.
        split: how the splits were drawn, e.g. {"seed", "fractions", "together"}.
        made_from: what tells these inputs and settings from others; kept in store.json as it is.
        versions: of the packages that made the pixels.
    """

    profile: str = "reference"
    task: Task = REFERENCE
    bands: tuple[int, int] = OFFICIAL_BANDS
    source_size: Size | None = None
    background: Mapping[str, Any] = field(default_factory=lambda: KEPT_BACKGROUND)
    implausible: str | None = None
    masks: Mapping[str, Any] | None = None
    left_out: Sequence[Mapping[str, Any]] = ()
    not_used: Sequence[Mapping[str, Any]] = ()
    sizes: Mapping[str, Any] | None = None
    identical: Mapping[str, Any] | None = None
    near: Mapping[str, Any] | None = None
    split: Mapping[str, Any] = field(default_factory=dict)
    made_from: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.bands[0] < self.bands[1]:
            raise ValueError(f"bands: 0 < first < second must hold, but got {self.bands}")
        if self.source_size is not None:
            _check_size("source_size", self.source_size)
        if set(self.background) != set(KEPT_BACKGROUND):
            raise ValueError(f"background must have {', '.join(KEPT_BACKGROUND)}, but has {', '.join(self.background)}")


@dataclass(frozen=True)
class Contents:
    """The photos and labels of a store.

    Attributes:
        size: (height, width) of the photos as stored.
        rows: of index.csv, in the order of the photos in the shards.
        shards: {"file", "photos", "sha256"} each, in their order.
        moments: of the train photos.
    """

    size: Size
    rows: Sequence[Mapping[str, Any]]
    shards: Sequence[Mapping[str, Any]]
    moments: Moments

    def __post_init__(self) -> None:
        _check_size("size", self.size)
        if (photos := sum(shard["photos"] for shard in self.shards)) != len(self.rows):
            raise ValueError(f"rows: one a photo is needed, but got {len(self.rows)} of {counted(photos, 'photo')}")

    def index(self) -> pd.DataFrame:
        """Make index.csv."""
        return pd.DataFrame(self.rows, columns=pd.Index(COLUMNS))


def store_json(contents: Contents, meta: StoreMeta) -> dict[str, Any]:
    """Make store.json, in the order of its keys; `files.write_meta` adds the hashes."""
    return {
        "schema": SCHEMA,
        "hash": "",
        "profile": meta.profile,
        "task": meta.task.to_json(),
        "bands": list(meta.bands),
        "size": list(contents.size),
        "source_size": list(meta.source_size or contents.size),
        "background": dict(meta.background),
        **({"implausible": meta.implausible} if meta.implausible else {}),
        "masks": dict(meta.masks) if meta.masks else None,
        "mean": contents.moments.mean,
        "std": contents.moments.std,
        "counts": _counts(contents.index()),
        "left_out": [dict(photo) for photo in meta.left_out],
        "not_used": [dict(kind) for kind in meta.not_used],
        "sizes": meta.sizes,
        "identical": meta.identical,
        "near": meta.near,
        "split": dict(meta.split),
        "made_from": dict(meta.made_from),
        "versions": dict(meta.versions),
        "index_sha256": "",
        "shards": [dict(shard) for shard in contents.shards],
    }


def _check_size(name: str, size: Size) -> None:
    if not min(size) > 0:
        raise ValueError(f"{name}: height and width above 0 are needed, but got {size}")


def _counts(index: pd.DataFrame) -> dict[str, Any]:
    return {
        "photos": len(index),
        "people": int(index.loc[index["split"] != EVAL, "person"].nunique()),
        "splits": {
            str(name): {"photos": len(rows), "people": int(rows["person"].nunique())}
            for name, rows in index.groupby("split", sort=True)
        },
    }
