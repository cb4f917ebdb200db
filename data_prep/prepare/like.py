"""Gives new photos the very pixels that they would have had in a dataset store."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from common.errors import PhotoError, StoreError
from common.machine import cpu_cores
from common.security import terminal
from data_prep.choices import REMOVE
from data_prep.layouts.folders import Found, photos_below
from data_prep.layouts.listing import UNUSUAL, Photo, some
from data_prep.photos import background as backgrounds
from data_prep.photos.background import Background
from data_prep.prepare.parts import Treated, treat
from data_prep.store.shards import Photos
from data_prep.store.store import Store
from data_prep.workers import Threads, in_order, with_bar

AnyPath = str | os.PathLike[str]


@dataclass(frozen=True)
class Treatment:
    """It says what was done to the photos of a store, so that the same can be done to others.

    Attributes:
        size: (height, width) that photos are fitted to.
        background: as store.json tells it: the method, and the model with its SHA-256 (`Background.describe`).
        implausible: what happens to a photo whose mask is not believed.
        of: whose treatment it is, for messages: the store's path, say.
    """

    size: tuple[int, int]
    background: Mapping[str, Any]
    implausible: str
    of: str

    @classmethod
    def of_store(cls, store: Store) -> Treatment:
        """Read what the store says of itself."""
        return cls(store.size, store.meta["background"], store.meta.get("implausible", REMOVE), str(store.path))

    def load(self) -> Background:
        """Load the model that removes backgrounds.

        Raises:
            StoreError: the model here is another one. WeightsError: it cannot be had.
        """
        try:
            return backgrounds.load_as(dict(self.background), self.implausible)
        except StoreError as error:
            raise StoreError(f"{self.of}: {error}") from None


def new_photos(photos_dir: AnyPath, say: Callable[[str], None] = terminal.say) -> Found:
    """List the photos in `photos_dir` and below it, or that one photo, and say what else is there and not used.

    Raises:
        OptionError: no photo there, or a name that no CSV can hold.
    """
    found = photos_below(Path(photos_dir))
    if found.unusual:
        say(f"used: {some(found.unusual, UNUSUAL)}")
    for why, paths in found.aside.items():
        say(f"not used: {some(paths, why)}")
    return found


def prepare_like(
    treatment: Treatment,
    photos: AnyPath | Found,
    *,
    workers: int | None = None,
    progress: bool = False,
    say: Callable[[str], None] = terminal.say,
) -> tuple[list[str], Photos]:
    """Treat every photo in `photos`, a folder or what `new_photos` found there, as a store's photos to predict were.

    A photo that cannot be used is left out by name, and said.

    Returns:
        names relative to the folder, sorted, and uint8 [photos, height, width, 3].

    Raises:
        OptionError: no photo there. PhotoError: none that can be used. StoreError: the store's background was removed
        with another model than the one here. WeightsError: the model cannot be had.
    """
    batches = list(batches_like(treatment, photos, workers=workers, progress=progress, say=say))
    return [name for names, _ in batches for name in names], np.concatenate([pixels for _, pixels in batches])


def batches_like(
    treatment: Treatment,
    photos: AnyPath | Found,
    *,
    batch_size: int = 256,
    workers: int | None = None,
    progress: bool = False,
    say: Callable[[str], None] = terminal.say,
) -> Iterator[tuple[list[str], Photos]]:
    """`prepare_like` for more photos than memory holds: yield the names and photos of a batch at a time."""
    found = photos if isinstance(photos, Found) else new_photos(photos, say)
    listed = [replace(photo, to_predict=True) for photo in found.photos]
    results = _treat_all(listed, treatment.size, treatment.load(), workers, progress)
    return _batches(listed, results, batch_size, say)


def _treat_all(
    listed: Sequence[Photo], size: tuple[int, int], background: Background, workers: int | None, progress: bool
) -> Generator[Treated | PhotoError]:
    treated = partial(treat, size=size, background=background)
    with Threads(workers or cpu_cores()) as threads:
        yield from with_bar(in_order(treated, listed, threads), len(listed), "photos", progress)


def _batches(
    listed: Sequence[Photo], results: Iterator[Treated | PhotoError], size: int, say: Callable[[str], None]
) -> Iterator[tuple[list[str], Photos]]:
    names: list[str] = []
    batch: list[Photos] = []
    left_out: list[str] = []
    for photo, result in zip(listed, results, strict=True):
        if isinstance(result, PhotoError):
            left_out.append(f"{photo.path} ({result})")
            continue
        names.append(photo.path)
        batch.append(result.pixels)
        if len(batch) == size:
            yield names, np.stack(batch)
            names, batch = [], []
    if len(left_out) == len(listed):
        raise PhotoError(f"nothing to predict: {some(left_out, 'photos cannot be used')}")
    if left_out:
        say(f"left out: {some(left_out, 'photos that cannot be used')}")
    if batch:
        yield names, np.stack(batch)
