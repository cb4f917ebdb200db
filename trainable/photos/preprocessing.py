"""Every photo is preprocessed before the network sees it, the same in training, validation and the ensemble."""

from __future__ import annotations

import math
from dataclasses import dataclass

from data_prep.store.store import Store
from trainable.config import FRAME, Crop

Size = tuple[int, int]
"""(height, width)"""
Colour = tuple[float, ...]
"""Red, green and blue, each in 0..1."""


@dataclass(frozen=True)
class Preprocessing:
    """A photo is cropped about its centre, resized, and its colours are normalized.

    Attributes:
        crop: in pixels of the stored photo.
        size: that the crop is resized to, bilinear and antialiased.
        mean, std: what is taken off the colours and what they are then divided by.
    """

    crop: Size
    size: Size
    mean: Colour
    std: Colour

    @classmethod
    def of(cls, crop: Crop, store: Store) -> Preprocessing:
        """Find what a trial with this crop does to the store's photos."""
        mean, std = (tuple(map(float, values)) for values in (store.mean, store.std))
        return cls(crop_in_store(crop, store), size_in_network(crop, store), mean, std)

    def scale_and_shift(self) -> tuple[list[float], list[float]]:
        """Write (colour - mean) / std as colour * scale + shift, three values each."""
        scale = [1 / value for value in self.std]
        return scale, [-centre * factor for centre, factor in zip(self.mean, scale, strict=True)]


def crop_in_store(crop: Crop, store: Store) -> Size:
    """Find the (height, width) of a crop in pixels of the stored photos."""
    # Photos were fitted to the store keeping their aspect, so the larger of the two ratios is the scale of both.
    scale = max(stored / source for stored, source in zip(store.size, store.source_size, strict=True))
    height, width = (
        min(stored, max(1, math.floor(side * source / frame * scale + 0.5)))
        for stored, side, source, frame in zip(
            store.size, (crop.height, crop.width), store.source_size, FRAME, strict=True
        )
    )
    return height, width


def size_in_network(crop: Crop, store: Store) -> Size:
    """Find (height, width) of the crop as the network sees it: `crop_in_store` times `crop/resize`, at least 8."""
    height, width = (max(8, math.floor(side * crop.resize + 0.5)) for side in crop_in_store(crop, store))
    return height, width
