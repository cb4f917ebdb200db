"""Gives new photos the very pixels that they would have had in a dataset store."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from common.errors import PhotoError, StoreError
from common.machine import cpu_cores
from data_prep.choices import REMOVE
from data_prep.layouts.listing import Photo, photos_below
from data_prep.photos import background as backgrounds
from data_prep.photos.background import Background
from data_prep.prepare.parts import Treated, treat
from data_prep.store.shards import Photos
from data_prep.store.store import Store
from data_prep.workers import Threads, in_order, with_bar

AnyPath = str | os.PathLike[str]


def prepare_like(
    store: Store, photos_dir: AnyPath, *, workers: int | None = None, progress: bool = False
) -> tuple[list[str], Photos]:
    """Treat every photo in `photos_dir` and below as the store's photos to predict were.

    Returns:
        names relative to the folder, sorted, and uint8 [photos, height, width, 3].

    Raises:
        OptionError: no photo there. PhotoError: one that cannot be used. StoreError: the store's background was
        removed with another model than the one here. WeightsError: the model cannot be had.
    """
    names, batches = batches_like(store, photos_dir, workers=workers, progress=progress)
    return names, np.concatenate(list(batches))


def batches_like(
    store: Store, photos_dir: AnyPath, *, batch_size: int = 256, workers: int | None = None, progress: bool = False
) -> tuple[list[str], Iterator[Photos]]:
    """`prepare_like` for more photos than memory holds: give their names, and yield the photos in batches."""
    listed = [replace(photo, to_predict=True) for photo in photos_below(Path(photos_dir))]
    results = _treat_all(listed, store.size, _background_of(store), workers, progress)
    return [photo.path for photo in listed], _batches(listed, results, batch_size)


def _treat_all(
    listed: Sequence[Photo], size: tuple[int, int], background: Background, workers: int | None, progress: bool
) -> Generator[Treated | PhotoError]:
    treated = partial(treat, size=size, background=background)
    with Threads(workers or cpu_cores()) as threads:
        yield from with_bar(in_order(treated, listed, threads), len(listed), "photos", progress)


def _batches(listed: Sequence[Photo], results: Iterator[Treated | PhotoError], size: int) -> Iterator[Photos]:
    batch: list[Photos] = []
    for photo, result in zip(listed, results, strict=True):
        if isinstance(result, PhotoError):
            raise PhotoError(f"{photo.file}: {result}; mend it or move it elsewhere")
        batch.append(result.pixels)
        if len(batch) == size:
            yield np.stack(batch)
            batch = []
    if batch:
        yield np.stack(batch)


def _background_of(store: Store) -> Background:
    try:
        return backgrounds.load_as(store.meta["background"], store.meta.get("implausible", REMOVE))
    except StoreError as error:
        raise StoreError(f"{store.path}: {error}") from None
