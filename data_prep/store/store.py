"""The dataset store: a folder of treated photos and their labels, written once and read by every trial.

    store.json          what it holds, how it was made, and the hashes of the rest
    index.csv           one row a photo: path, person, mask, gender, age, split
    images-00000.npy    uint8 [photos, height, width, 3], memory-mapped by readers

`Store.open` reads one, `write` makes one of arrays. Identical inputs make an identical store, byte for byte.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from common.errors import LabelError, StoreError
from common.wording import counted
from data_prep.labels import GENDERS, MASKS, MISSING, IntArray, band_of_range
from data_prep.store.files import INDEX_FILE, open_shards, read_index, read_meta
from data_prep.store.meta import StoreMeta
from data_prep.store.shards import Photos
from data_prep.store.split import folds as person_folds
from data_prep.store.split import strata, units
from data_prep.store.writer import StoreWriter
from data_prep.task import REFERENCE, Task, of_labels


class Store:
    """A dataset store opened for reading. Pickles as its path, so that handing one to a worker costs nothing.

    Attributes:
        path: the folder, absolute.
        meta: store.json.
        index: index.csv, one row a photo, all strings, NaN where nothing is known.
        hash: of all content: two stores with one hash hold the same photos, labels and splits.
        profile: "reference", "sample" or "photos".
        size, source_size: (height, width) in pixels, as stored and as the photos commonly were.
        bands: the official age bands' first ages, in years.
        mean, std: float32 [3], 0..1, of the train photos as stored.
    """

    def __init__(self, path: Path, meta: dict[str, Any], index: pd.DataFrame, shards: list[Photos]) -> None:
        self.path = path
        self.meta = meta
        self.index = index
        self._shards = shards
        self._view: tuple[Any, ...] = ()
        self._ends = np.cumsum([len(shard) for shard in shards])
        self.hash: str = meta["hash"]
        self.profile: str = meta["profile"]
        self.size: tuple[int, int] = tuple(meta["size"])
        self.source_size: tuple[int, int] = tuple(meta["source_size"])
        self.bands: tuple[int, int] = tuple(meta["bands"])
        self.mean = np.array(meta["mean"], dtype=np.float32)
        self.std = np.array(meta["std"], dtype=np.float32)

    @classmethod
    def open(cls, path: str | os.PathLike[str], verify: float = 0) -> Store:
        """Open the store in `path`; `verify`, from 0 to 1, also hashes that share of its shards (1 s a gigabyte).

        Raises:
            StoreError: no store is there, or one of another schema, or one that is damaged.
        """
        folder = Path(path).resolve()
        meta = read_meta(folder)
        index = read_index(folder, meta)
        shards = open_shards(folder, meta, verify)
        if (photos := sum(map(len, shards))) != len(index):
            raise StoreError(
                f"{folder}: {counted(photos, 'photo')} in the shards, but {counted(len(index), 'row')} in {INDEX_FILE}"
            )
        return cls(folder, meta, index, shards)

    def with_folds(self, folds: int, fold: int) -> Store:
        """Split this store's train and val people anew: val is fold `fold` of `folds`, train the other folds.

        The folds are by person and stratified (`split.folds`), a pure function of the store: together they put every
        train and val person in val once. Test and eval people stay where they are; photos, hash, mean and std are
        this store's own.

        Raises:
            OptionError: folds below 2, or more of them than people.
            ValueError: a fold outside 0..folds-1.
        """
        if not 0 <= fold < folds:
            raise ValueError(f"0 <= fold < folds must hold, but got fold={fold} of folds={folds}")
        moving = np.flatnonzero(self.index["split"].isin(("train", "val")))
        person = self.person[moving]
        together = units(self.meta["split"].get("together", ()))
        known = strata(person, self.mask[moving], self.gender[moving], self.band[moving])
        fold_of = person_folds(known, folds, unit=together)
        split = self.index["split"].to_numpy(dtype=object, copy=True)
        split[moving] = np.where(pd.Series(person).map(fold_of) == fold, "val", "train")
        return self._with_split(split, "with_folds", folds, fold)

    def with_val_in_train(self) -> Store:
        """Put val's people into train, so that nobody is in val. Photos, hash, mean and std are this store's own."""
        split = self.index["split"].replace("val", "train").to_numpy(dtype=object)
        return self._with_split(split, "with_val_in_train")

    def _with_split(self, split: npt.NDArray[np.object_], *view: Any) -> Store:
        """`view`: the method that makes this view of a store, and its arguments."""
        made = Store(self.path, self.meta, self.index.assign(split=split), self._shards)
        made._view = view
        return made

    def __reduce__(self) -> tuple[Callable[..., Store], tuple[Any, ...]]:
        return _reopened, (self.path, *self._view)

    def __len__(self) -> int:
        return len(self.index)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, {len(self)} photos of {self.size[0]}x{self.size[1]}, {self.hash[:12]})"

    @cached_property
    def mask(self) -> IntArray:
        """int64 [photos], 0..2 as in labels.MASKS, or MISSING."""
        return _codes(self.index["mask"], MASKS)

    @cached_property
    def gender(self) -> IntArray:
        """int64 [photos], 0..1 as in labels.GENDERS, or MISSING."""
        return _codes(self.index["gender"], GENDERS)

    @cached_property
    def age_min(self) -> IntArray:
        """int64 [photos]: the lowest age, in years, that the photo's label allows, or MISSING."""
        return self._ages[0]

    @cached_property
    def age_max(self) -> IntArray:
        """int64 [photos]: the highest age; equal to `age_min` where the age is known in years."""
        return self._ages[1]

    @cached_property
    def _ages(self) -> tuple[IntArray, IntArray]:
        ends = self.index["age"].fillna(str(MISSING)).str.extract(r"^(-?\d+)(?:-(\d+))?$")
        lowest, highest = (each.to_numpy().astype(np.int64) for each in (ends[0], ends[1].fillna(ends[0])))
        return lowest, highest

    @cached_property
    def person(self) -> npt.NDArray[np.object_]:
        """str [photos]: equal where two photos show one person."""
        return self.index["person"].to_numpy(dtype=object)

    @cached_property
    def band(self) -> IntArray:
        """int64 [photos]: the official age band 0..2, or MISSING."""
        return band_of_range(self.age_min, self.age_max, self.bands)

    @cached_property
    def task(self) -> Task:
        """What is predicted, and with it what the classes are."""
        if saved := self.meta.get("task"):
            return Task.from_json(saved)
        # Stores made before 0.5 were of the reference task; those without a photo of it could not be used.
        if (REFERENCE.encode(self.mask, self.gender, self.band) != MISSING).any():
            return REFERENCE
        try:
            return of_labels(self.mask, self.gender, self.band)
        except LabelError:
            return REFERENCE

    def classes(self) -> IntArray:
        """Give the official class of the store's task, from 0, or MISSING: int64 [photos]."""
        return self.task.join(self.codes)

    @cached_property
    def codes(self) -> dict[str, IntArray]:
        """The official values of each factor of the task, int64 [photos] each, numbered as `Task.values` names them."""
        return self.task.codes(self.mask, self.gender, self.band)

    def rows(self, split: str) -> IntArray:
        """Find the positions of "train", "val", "test" or "eval" photos, ascending: int64."""
        return np.flatnonzero(self.index["split"].to_numpy() == split)

    def labelled(self, split: str) -> IntArray:
        """Find those of `rows` whose official class is known: int64. Only they can be judged."""
        rows = self.rows(split)
        return rows[self.classes()[rows] != MISSING]

    def read(
        self,
        rows: npt.ArrayLike,
        top: int = 0,
        left: int = 0,
        height: int | None = None,
        width: int | None = None,
        out: Photos | None = None,
    ) -> Photos:
        """Read photos at `rows`, in that order, cut to a window: uint8 [len(rows), height, width, 3].

        Args:
            rows: positions 0..len(store)-1, in any order, repeats allowed.
            top, left, height, width: the window in stored pixels; None reaches to the photo's edge.
            out: array to fill and return, uint8 of the result's shape.

        Raises:
            IndexError: a row outside the store. ValueError: a window outside the photo, or an `out` that does not fit.
        """
        wanted = np.asarray(rows, dtype=np.int64)
        if wanted.size and not (wanted.min() >= 0 and wanted.max() < len(self)):
            raise IndexError(f"rows must be in 0..{len(self) - 1}, but got {wanted.min()}..{wanted.max()}")
        bottom = self.size[0] if height is None else top + height
        right = self.size[1] if width is None else left + width
        if not (0 <= top < bottom <= self.size[0] and 0 <= left < right <= self.size[1]):
            raise ValueError(f"rows {top}:{bottom}, columns {left}:{right} are not within a photo of {self.size}")
        shape = (len(wanted), bottom - top, right - left, 3)
        photos = np.empty(shape, np.uint8) if out is None else out
        if photos.shape != shape or photos.dtype != np.uint8:
            raise ValueError(f"out must be uint8 {shape}, but is {photos.dtype} {photos.shape}")
        shard_of = np.searchsorted(self._ends, wanted, side="right")
        for i, (row, shard) in enumerate(zip(wanted.tolist(), shard_of.tolist(), strict=True)):
            photos[i] = self._shards[shard][row - self._ends[shard], top:bottom, left:right]
        return photos


def write(
    out: str | os.PathLike[str], photos: Iterable[Photos], index: pd.DataFrame, meta: StoreMeta | None = None
) -> Store:
    """Write a store from photos (uint8 [height, width, 3] each, or one array of them) and their index rows.

        photos = np.random.default_rng(0).integers(0, 256, (2, 96, 72, 3), np.uint8)
        write(out, photos, pd.DataFrame({"path": ["a/normal.jpg", "b/normal.jpg"], "person": ["a", "b"],
              "mask": "none", "gender": "male", "age": [20, 60], "split": ["train", "val"]}))

    Args:
        index: one row a photo, in the photos' order, with the columns of files.COLUMNS; NaN, None or "" for
            what is not known.
        meta: None: what a StoreMeta says by default.

    Raises:
        StoreError: `out` already exists, or no photo is in "train".
        ValueError: no photos, photos of several sizes, or another number of them than of rows.
    """
    source, rows = iter(photos), index.to_dict("records")
    first = next(source, None)
    if first is None:
        raise ValueError("a store needs at least one photo")
    with StoreWriter(out, (first.shape[0], first.shape[1])) as writer:
        for photo, row in zip(chain([first], source), rows, strict=True):
            writer.add(photo, {str(column): value for column, value in row.items()})
        return Store.open(writer.finish(meta))


def _reopened(path: Path, view: str = "", *arguments: int) -> Store:
    store = Store.open(path)
    return getattr(store, view)(*arguments) if view else store


def _codes(values: pd.Series, names: tuple[str, ...]) -> IntArray:
    return values.map({name: code for code, name in enumerate(names)}).fillna(MISSING).to_numpy().astype(np.int64)
