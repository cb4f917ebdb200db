"""Makes one part of a store: up to PHOTOS_PER_SHARD photos, treated in threads and written as one shard.

A part is what a worker does in one go. Where it is done, and in which order, decides nothing about its bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from common.errors import PhotoError, StoreError
from common.security.regular_file import parse_json
from data_prep.layouts.listing import Photo
from data_prep.photos import decode as photos
from data_prep.photos.background import Background
from data_prep.photos.masks import ImplausibleMask, Mask
from data_prep.store.moments import Moments
from data_prep.store.shards import Photos, ShardWriter
from data_prep.survey.looks import ends
from data_prep.workers import Threads, in_order

Said = Callable[[Photo, PhotoError | None], None]
"""Hears of every photo that is done, with the reason if it is not used. What it raises ends the part."""


DECODED_BYTES = 4 * 512 * 384 * 3
"""Of pixels that a thread makes in one go where decoding is all there is to do: a millisecond a photo, or less."""

TASKS_A_THREAD = 4
"""At least so many tasks of a part are there for each thread, so that none waits long for another."""


@dataclass(frozen=True)
class Part:
    """Photos that become shard `number`; `train`: which of them count for mean and std."""

    number: int
    photos: Sequence[Photo]
    train: Sequence[bool]

    @property
    def key(self) -> str:
        """Tells the part from one of other photos, or of photos that have changed since."""
        states = [
            [photo.path, train, *_state(photo.file)] for photo, train in zip(self.photos, self.train, strict=True)
        ]
        return hashlib.sha256(json.dumps(states).encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """What became of a part.

    Attributes:
        key: of the part.
        shard: its entry of store.json, None where no photo could be used.
        left_out: why photos could not be used, by their position in the part.
        moments: of the train photos.
        masks: of every photo that is not in `left_out`; empty where the background is kept.
        dropped: positions in the part of photos that were left out as asked, for their masks.
    """

    key: str
    shard: dict[str, Any] | None
    left_out: dict[int, str]
    moments: Moments
    masks: list[Mask]
    dropped: list[int] = field(default_factory=list)

    @property
    def photos(self) -> int:
        """Count the photos that the part had."""
        return len(self.left_out) + len(self.dropped) + (self.shard["photos"] if self.shard else 0)

    @property
    def unused(self) -> dict[int, str]:
        """Say why photos are not in the store, by their position in the part."""
        masked = [position for position in range(self.photos) if position not in self.left_out]
        masks = dict(zip(masked, self.masks, strict=False))
        dropped = {position: str(ImplausibleMask(masks[position])) for position in self.dropped}
        return dict(sorted((self.left_out | dropped).items()))

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Record:
        fields = parse_json(text)
        fields["left_out"] = {int(position): why for position, why in fields["left_out"].items()}
        fields["moments"] = Moments.from_json(fields["moments"])
        fields["masks"] = [Mask(*mask) for mask in fields["masks"]]
        return cls(**fields)


@dataclass(frozen=True)
class Treated:
    """A photo as it is stored, uint8 [height, width, 3]; its moments; its mask, if its background was removed."""

    pixels: Photos
    moments: Moments
    mask: Mask | None


def treat(photo: Photo, size: tuple[int, int], background: Background) -> Treated | PhotoError:
    """Make a photo upright, RGB, its background black, centre-fitted to `size`; or say why it is not used.

    Raises:
        StoreError: the machine's fault and not the photo's: nothing is known of the photo.
    """
    try:
        lit, mask = background(photos.load(photo.file), needed=photo.to_predict)
        pixels = photos.fit(lit, size)
        return Treated(pixels, Moments.of(pixels), mask)
    except PhotoError as error:
        return error
    except (OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or "out of memory"
        raise StoreError(
            f"{photo.file} could not be read ({why}); what is done is kept: run the same command again"
        ) from None


@dataclass(frozen=True)
class Job:
    """What is done to every part: shards of `size` (height, width) go to `folder`."""

    folder: Path
    size: tuple[int, int]
    background: Background


def make(part: Part, job: Job, threads: Threads | None, said: Said) -> Record:
    """Treat the photos of `part` and write their shard; while it is flushed to the disk, the next part has its turn.

    Args:
        threads: None: photos are treated one after the other, as in one of several processes.

    Raises:
        StoreError: the shard cannot be written, or a photo cannot be read for a reason that is not its own.
    """
    key = part.key  # before any photo is read: one that changes meanwhile is done again
    left_out: dict[int, str] = {}
    dropped: list[int] = []
    masks: list[Mask] = []
    moments: list[Moments] = []
    try:
        with closing(ShardWriter(job.folder, part.number, job.size, len(part.photos))) as shard:
            with _treated(part, job, threads) as results:
                for position, (photo, train, result) in enumerate(zip(part.photos, part.train, results, strict=True)):
                    if isinstance(result, PhotoError):
                        if isinstance(result, ImplausibleMask):
                            dropped.append(position)
                            masks.append(result.mask)
                        else:
                            left_out[position] = str(result)
                        said(photo, result)
                        continue
                    shard.add(result.pixels)
                    if train:
                        moments.append(result.moments)
                    if result.mask:
                        masks.append(result.mask)
                    said(photo, None)
            entry = shard.finish() if shard.photos else None
    except OSError as error:
        raise cannot_write(job.folder, error) from None
    return Record(key, entry, left_out, Moments.total(moments), masks, dropped)


@contextmanager
def _treated(part: Part, job: Job, threads: Threads | None) -> Generator[Iterator[Treated | PhotoError]]:
    """Treat the photos of `part`, in their order."""
    treated = partial(treat, size=job.size, background=job.background)
    if threads is None:
        yield map(treated, part.photos)
        return
    at_once = 1 if job.background.segment else _at_once(job.size, len(part.photos), threads)
    with threads.turn, closing(in_order(treated, part.photos, threads, at_once)) as results:
        yield results


def _at_once(size: tuple[int, int], photos: int, threads: Threads) -> int:
    """Choose how many photos a thread decodes in one go: the smaller they are, the dearer it is to hand one over."""
    height, width = size
    return max(1, min(DECODED_BYTES // (height * width * 3), photos // (TASKS_A_THREAD * threads.number)))


def _state(file: Path) -> tuple[str, int]:
    """Give a hash and the time of the last change, which some programs set back when they turn a photo."""
    try:
        return ends(file), file.stat().st_mtime_ns
    except OSError:
        return "", 0


def cannot_write(where: Path, error: OSError) -> StoreError:
    return StoreError(
        f"cannot write in {where} ({error.strerror}); what is done is kept: mend it and run the same command again"
    )
