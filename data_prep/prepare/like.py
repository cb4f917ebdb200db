"""Gives new photos the very pixels that they would have had in a dataset store."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from typing import Any

import numpy as np

from common.errors import PhotoError, StoreError
from common.machine import cpu_cores
from common.security import terminal
from data_prep.choices import REMOVE
from data_prep.layouts.listing import Photo, some
from data_prep.photos import background as backgrounds
from data_prep.photos.background import Background
from data_prep.prepare.new_photos import AnyPath, NewPhotos, new_photos
from data_prep.prepare.parts import treat
from data_prep.store.shards import Photos
from data_prep.store.store import Store
from data_prep.workers import Threads, in_order, one_ahead


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


@dataclass(frozen=True)
class Batch:
    """It is some photos, treated.

    Attributes:
        pixels: uint8 [photos that can be used, height, width, 3], in their order.
        unusable: why others cannot be used, by their position among the batch's photos.
    """

    pixels: Photos
    unusable: Mapping[int, str]


def batches_like(
    treatment: Treatment, batches: Sequence[Sequence[Photo]], *, workers: int | None = None
) -> Generator[Batch]:
    """Treat photos as a store's photos to predict were, batch by batch, for more than memory holds at once.

    While one batch is used, the next one is decoded.

    Raises:
        StoreError: the store's background was removed with another model than the one here. WeightsError: the model
        cannot be had.
    """
    background = treatment.load()  # at once, and not when the first batch is asked for
    return one_ahead(_treated(batches, treatment.size, background, workers))


def prepare_like(
    treatment: Treatment,
    photos: AnyPath | NewPhotos,
    *,
    workers: int | None = None,
    say: Callable[[str], None] = terminal.say,
) -> tuple[list[str], Photos]:
    """Treat every photo in `photos`, a folder or what `new_photos` found, as `batches_like` does.

    A photo that cannot be used is left out by name, and said.

    Returns:
        names, and uint8 [photos, height, width, 3].

    Raises:
        OptionError: no photo there. PhotoError: none that can be used. StoreError, WeightsError: as `batches_like`.
    """
    found = photos if isinstance(photos, NewPhotos) else new_photos(photos, say=say)
    [batch] = batches_like(treatment, [found.photos], workers=workers)
    left_out = [f"{found.photos[position].path} ({why})" for position, why in batch.unusable.items()]
    if len(left_out) == len(found.photos):
        raise PhotoError(f"nothing to predict: {some(left_out, 'photos cannot be used')}")
    if left_out:
        say(f"left out: {some(left_out, 'photos that cannot be used')}")
    names = [photo.path for position, photo in enumerate(found.photos) if position not in batch.unusable]
    return names, batch.pixels


def _treated(
    batches: Sequence[Sequence[Photo]], size: tuple[int, int], background: Background, workers: int | None
) -> Generator[Batch]:
    treated, photos = partial(treat, size=size, background=background), chain.from_iterable(batches)
    with Threads(workers or cpu_cores()) as threads, closing(in_order(treated, photos, threads)) as results:
        for batch in batches:
            those = list(islice(results, len(batch)))
            unusable = {position: str(each) for position, each in enumerate(those) if isinstance(each, PhotoError)}
            pixels = [each.pixels for each in those if not isinstance(each, PhotoError)]
            yield Batch(np.stack(pixels) if pixels else np.empty((0, *size, 3), np.uint8), unusable)
