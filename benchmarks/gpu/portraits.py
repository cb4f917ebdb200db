"""The check's own store: portraits drawn on all cores, the same bytes each time.

Processes that draw import this file, and so it imports neither torch nor pandas at its top.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.gpu.part import Finding, Part, Setting
from common.machine import cpu_cores
from data_prep.sample.people import Person, person
from data_prep.sample.scene import HEIGHT, MASK_OF_PHOTO, PHOTOS, WIDTH, render, scene
from data_prep.store.moments import Moments
from data_prep.store.shards import PHOTOS_PER_SHARD, Photos, ShardWriter

SEED = 0
SECONDS_A_PHOTO, SECONDS_TO_START = 0.041, 3.0
"""On one core of a Xeon of 2023."""


@dataclass(frozen=True)
class Portraits:
    """How many people are in each split, seven photos each, and the photos' (height, width) in the store."""

    train: int
    val: int
    test: int
    size: tuple[int, int] = (HEIGHT, WIDTH)

    @property
    def photos(self) -> int:
        return len(PHOTOS) * (self.train + self.val + self.test)

    @property
    def gigabytes(self) -> float:
        return self.photos * self.size[0] * self.size[1] * 3 / 1e9

    def people(self) -> list[tuple[int, str]]:
        """(number, split): people's numbers run evenly through genders and ages, so any stretch of them will do."""
        splits = ["train"] * self.train + ["val"] * self.val + ["test"] * self.test
        return list(enumerate(splits))


@dataclass(frozen=True)
class Drawn:
    """One person: photos uint8 [7, height, width, 3], their rows of index.csv, and their sums."""

    photos: Photos
    rows: list[dict[str, Any]]
    moments: Moments


def part(portraits: Portraits) -> Part:
    cores = cpu_cores()
    return Part(
        name="portraits",
        about=f"draws {portraits.photos:,} portraits on {cores} core{'s' if cores > 1 else ''}",
        seconds=SECONDS_TO_START + SECONDS_A_PHOTO * portraits.photos / cores,
        run=partial(draw, portraits),
    )


def draw(portraits: Portraits, setting: Setting) -> Iterator[Finding]:
    """Make the store `setting.path`, which must not be there yet."""
    began = time.monotonic()
    with closing(_drawn(portraits)) as people:
        _write(people, portraits.size, setting.path)
    seconds, size = time.monotonic() - began, "x".join(map(str, portraits.size))
    speed = portraits.photos / seconds
    yield Finding(
        "portraits",
        f"{portraits.photos:,} of {size}, {1000 * portraits.gigabytes:,.1f} MB, {speed:.0f} a second",
        values={"photos": portraits.photos, "size": list(portraits.size), "seconds": round(seconds, 1)},
    )


def _write(people: Iterator[Drawn], size: tuple[int, int], out: Path) -> None:
    """Write a store as `StoreWriter` does, which compiles its sums by numba: that need not be here."""
    from data_prep.store.meta import Contents, StoreMeta
    from data_prep.store.writer import seal

    draft = out.with_name(f".{out.name}.partial")
    draft.mkdir()
    rows: list[dict[str, Any]] = []
    shards: list[dict[str, Any]] = []
    moments: list[Moments] = []
    while some := list(islice(people, PHOTOS_PER_SHARD // len(PHOTOS))):
        with closing(ShardWriter(draft, len(shards), size, expected=len(PHOTOS) * len(some))) as shard:
            for photo in (photo for each in some for photo in each.photos):
                shard.add(photo)
            shards.append(shard.finish())
        rows += [row for each in some for row in each.rows]
        moments += [each.moments for each in some if each.rows[0]["split"] == "train"]
    contents = Contents(size, rows, shards, Moments.total(moments))
    seal(draft, out, contents, StoreMeta(source_size=(HEIGHT, WIDTH)))


def _drawn(portraits: Portraits) -> Generator[Drawn]:
    """The people in their order, however many processes draw."""
    draw_one = partial(draw_person, portraits.size)
    # Not forked: this process has torch's threads, which a fork would cut off while they hold locks.
    with ProcessPoolExecutor(cpu_cores(), mp_context=multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(draw_one, portraits.people(), chunksize=1)


def draw_person(size: tuple[int, int], who_and_split: tuple[int, str]) -> Drawn:
    """One person, number and split, in photos of (height, width).

    Clothing tells the class of everybody, so that a few steps of training have something to find.
    """
    number, split = who_and_split
    who = person(SEED, "train", number)
    images = [render(scene(SEED, who, photo, betrays=True)) for photo in range(len(PHOTOS))]
    photos = np.stack([_stored(image, size) for image in images])
    return Drawn(photos, _rows(who, split), _moments(photos))


def _moments(photos: Photos) -> Moments:
    pixels = photos.reshape(-1, 3).astype(np.int64)
    return Moments(len(pixels), tuple(pixels.sum(axis=0).tolist()), tuple((pixels**2).sum(axis=0).tolist()))


def _stored(image: Image.Image, size: tuple[int, int]) -> Photos:
    height, width = size
    fitted = image if image.size == (width, height) else image.resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(fitted)


def _rows(who: Person, split: str) -> list[dict[str, Any]]:
    return [
        {
            "path": f"{who.folder}/{photo}.jpg",
            "person": who.folder,
            "mask": mask,
            "gender": who.recorded_gender,
            "age": who.age,
            "split": split,
        }
        for photo, mask in zip(PHOTOS, MASK_OF_PHOTO, strict=True)
    ]
