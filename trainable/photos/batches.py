"""Which photos a trial trains on, in which order and batches, and how much of each it looks at."""

from __future__ import annotations

import math

import numpy as np
import torch

from common.errors import ConfigError
from data_prep.labels import MISSING, IntArray, encode
from data_prep.store.store import Store
from trainable.config import Crop, Labels
from trainable.photos.augment import Size

SMALLEST = 2
"""Batch normalization cannot train on one photo."""


def crop_in_store(crop: Crop, store: Store) -> Size:
    """A crop in source pixels -> (height, width) in stored pixels, never above the stored photo's own.

    Raises:
        ConfigError: the crop is larger than the source photo.
    """
    for name, wanted, source in zip(("height", "width"), (crop.height, crop.width), store.source_size, strict=True):
        if wanted > source:
            raise ConfigError(f"crop/{name}: at most the photo's own {name} of {source} px, but got {wanted}")
    # Photos were fitted to the store keeping their aspect, so the larger of the two ratios is the scale of both.
    scale = max(stored / source for stored, source in zip(store.size, store.source_size, strict=True))
    height, width = (
        min(stored, max(1, math.floor(wanted * scale + 0.5)))
        for stored, wanted in zip(store.size, (crop.height, crop.width), strict=True)
    )
    return height, width


def size_in_network(crop: Crop, store: Store) -> Size:
    """(height, width) in which the network sees the crop: that of `crop_in_store` times `crop/resize`, at least 8."""
    height, width = (max(8, math.floor(side * crop.resize + 0.5)) for side in crop_in_store(crop, store))
    return height, width


def training_set(labels: Labels, store: Store) -> tuple[IntArray, IntArray]:
    """(rows, classes) of the train photos in the trial's own age bands, without the people it leaves out.

    Raises:
        ConfigError: fewer than two photos are left.
    """
    rows = store.rows("train")
    classes = encode(store.mask[rows], store.gender[rows], labels.bands(store.age_min[rows], store.age_max[rows]))
    kept = classes != MISSING
    if kept.sum() < SMALLEST:
        raise ConfigError(f"labels: leave {kept.sum()} of {len(rows)} train photos, and training needs {SMALLEST}")
    return rows[kept], classes[kept]


def generator(*key: int) -> torch.Generator:
    """A CPU generator that is a pure function of the key, (seed, epoch, purpose) say; nearby keys share nothing."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))


def shuffled(n: int, source: torch.Generator) -> IntArray:
    """The positions 0..n-1 in random order."""
    return torch.randperm(n, generator=source).numpy()


def slices(n: int, size: int, smallest: int = 1) -> list[slice]:
    """0..n cut into batches of `size`; a last one of fewer than `smallest` is left out."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size) if n - start >= smallest]


def alike(n: int, most: int) -> list[IntArray]:
    """The positions 0..n-1 cut into as few batches of at most `most` as will do, all of one size.

    The last one is filled up with its last position; there are fewer of these than batches. A GPU searches for its
    fastest convolutions once for every new size.
    """
    count = math.ceil(n / most)
    size = math.ceil(n / max(1, count))
    return [np.arange(start, start + size).clip(max=n - 1) for start in range(0, n, size)] if n else []
