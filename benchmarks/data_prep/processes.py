"""Programs that are measured in processes of their own. Each imports this file, and so it imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from common.machine import cpu_cores
from data_prep.layouts.listing import Photo
from data_prep.photos.background import Background
from data_prep.prepare.parts import Job, Part
from data_prep.prepare.this_machine import make_here
from data_prep.store.shards import PHOTOS_PER_SHARD


def make(files: list[Path], folder: Path, background: Background, threads: int) -> int:
    """`files` -> shards in `folder`, as `python -m data_prep` makes them of a layout's photos."""
    photos = [Photo(file, file.name, file.parent.name) for file in files]
    shards = [photos[cut : cut + PHOTOS_PER_SHARD] for cut in range(0, len(photos), PHOTOS_PER_SHARD)]
    parts = [Part(number, shard, [True] * len(shard)) for number, shard in enumerate(shards)]
    made = list(make_here(parts, Job(folder, (512, 384), background), threads, lambda *_: None))
    return sum(record.photos for _, record in made)


def to_arrays(files: list[Path]) -> int:
    """Pillow, to RGB arrays."""

    def decode(file: Path) -> np.ndarray:
        with Image.open(file) as photo:
            return np.asarray(photo.convert("RGB"))

    return _in_threads(decode, files)


def to_nothing(files: list[Path]) -> int:
    """Pillow, and no more than decoding."""

    def decode(file: Path) -> None:
        with Image.open(file) as photo:
            photo.load()

    return _in_threads(decode, files)


def _in_threads(decode: Callable[[Path], Any], files: list[Path]) -> int:
    with ThreadPoolExecutor(cpu_cores()) as pool:
        for _ in pool.map(decode, files):
            pass
    return len(files)
