"""Which photos a trial trains on, in which order and in which batches."""

from __future__ import annotations

import math

import numpy as np
import torch

from common.errors import ConfigError
from common.wording import counted
from data_prep.labels import MISSING, IntArray
from data_prep.store.store import Store
from trainable.config import Labels, Train

SMALLEST = 2
"""Batch normalization cannot train on one photo."""

NOBODY: tuple[IntArray, IntArray] = (np.zeros(0, np.int64), np.zeros(0, np.int64))
"""What a refit is validated on, as `validation_set` tells it."""


def view(store: Store, on: Train) -> Store:
    """Give the store as a trial sees it: with its own fold as val, if it has one; with nobody in val, if it is a
    refit."""
    if on.refit:
        return store.with_val_in_train()
    return store.with_folds(on.folds, on.fold) if on.folds else store


def training_set(labels: Labels, store: Store) -> tuple[IntArray, IntArray]:
    """Find (rows, classes) of the train photos in the trial's own age bands, without the people it leaves out.

    Raises:
        ConfigError: fewer than two photos are left.
    """
    rows = store.rows("train")
    bands = labels.bands(store.age_min[rows], store.age_max[rows])
    classes = store.task.encode(store.mask[rows], store.gender[rows], bands)
    kept = classes != MISSING
    if kept.sum() < SMALLEST:
        raise ConfigError(
            f"labels: leave {kept.sum()} of {counted(len(rows), 'train photo')}, and training needs {SMALLEST}"
        )
    return rows[kept], classes[kept]


def validation_set(store: Store) -> tuple[IntArray, IntArray]:
    """Find (rows, official classes) of the labelled photos of val.

    Raises:
        ConfigError: there are none.
    """
    rows = store.labelled("val")
    if len(rows) == 0:
        raise ConfigError(
            f"{store.path}: has no labelled photo in val to judge a trial by; prepare it with more people"
        )
    return rows, store.classes()[rows]


def generator(*key: int) -> torch.Generator:
    """Make a CPU generator, a pure function of the key, (seed, epoch, purpose) say; nearby keys share nothing."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) & (2**63 - 1))


def shuffled(n: int, source: torch.Generator) -> IntArray:
    """Put the positions 0..n-1 in random order."""
    return torch.randperm(n, generator=source).numpy()


def balanced(classes: IntArray, balance: float, generator: torch.Generator) -> IntArray:
    """Draw as many positions as there are photos, with replacement: an epoch's order.

    Each photo is drawn in proportion to count(its class)^-balance, so that a class of c photos is shown in proportion
    to c^(1 - balance): with 1 all classes equally often, near 0 as often as they are.

    Args:
        classes: int64 [n], from 0.
        balance: in (0, 1].
        generator: a CPU one; what is drawn is a pure function of its state.

    Returns:
        int64 [n], positions 0..n-1 in random order.
    """
    weight = np.bincount(classes)[classes].astype(np.float64) ** -balance
    reach = weight.cumsum()
    at = torch.rand(len(classes), generator=generator, dtype=torch.float64).numpy() * reach[-1]
    # A number just below 1 times the sum may round to the sum, which is beyond the last photo.
    return np.searchsorted(reach, at, side="right").clip(max=len(classes) - 1)


def slices(n: int, size: int, smallest: int = 1) -> list[slice]:
    """Cut 0..n into batches of `size`; a last one of fewer than `smallest` is left out."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size) if n - start >= smallest]


def alike(n: int, most: int) -> list[IntArray]:
    """Cut the positions 0..n-1 into as few batches of at most `most` as will do, all of one size.

    The last one is filled up with its last position; there are fewer of these than batches. A GPU searches for its
    fastest convolutions once for every new size.
    """
    count = math.ceil(n / most)
    size = math.ceil(n / max(1, count))
    return [np.arange(start, start + size).clip(max=n - 1) for start in range(0, n, size)] if n else []
