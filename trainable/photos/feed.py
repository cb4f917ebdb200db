"""How photos reach the device ahead of use: streamed from the store's memory map, or resident on the device."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from data_prep.labels import IntArray
from data_prep.store.store import Store
from trainable.device import is_out_of_memory, make_room
from trainable.photos.augment import window
from trainable.photos.preprocessing import Size

T = TypeVar("T")
R = TypeVar("R")

RESIDENT_SHARE = 0.4
"""Train and val photos may take up this share of a GPU's memory for good. A ResNet50 needs the rest at batch 64."""
FREE_SHARE = 0.5
"""They may take up this share of what is free there: other processes may share the GPU."""
UPLOAD = 256
"""Photos at a time."""


class Feed(Protocol):
    """It brings the photos of a store to a device.

    Attributes:
        store: whose photos these are.
        device: where they go.
    """

    store: Store
    device: torch.device

    def batches(self, rows: Sequence[IntArray], crop: Size, max_angle: float) -> Iterator[Tensor]:
        """Bring the photos of each batch of the store's rows, with the margin that rotating a crop by `max_angle`
        degrees needs.

        Yields:
            uint8 [n, H, W, 3] on the device; in the host's memory where the device had no room for it beside the
            work on the batch before.
        """


class Streamed:
    """It reads each batch from the memory map in a thread while the device is busy with the one before.

    On a GPU the copy from page-locked memory runs on a stream of its own, beside the computation.
    """

    def __init__(self, store: Store, device: torch.device) -> None:
        self.store, self.device = store, device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def batches(self, rows: Sequence[IntArray], crop: Size, max_angle: float) -> Iterator[Tensor]:
        top, left, height, width = window(crop, self.store.size, max_angle)

        def read(batch: IntArray) -> Tensor:
            pinned = self._stream is not None
            photos = torch.empty((len(batch), height, width, 3), dtype=torch.uint8, pin_memory=pinned)
            self.store.read(batch, top, left, height, width, out=photos.numpy())
            return photos

        if self._stream is None:
            return ahead(read, rows)
        return self._uploaded(read, rows, self._stream)

    def _uploaded(
        self, read: Callable[[IntArray], Tensor], rows: Sequence[IntArray], stream: torch.cuda.Stream
    ) -> Iterator[Tensor]:
        def upload(batch: IntArray) -> tuple[Tensor, torch.cuda.Event]:
            photos = read(batch)
            with torch.cuda.stream(stream):
                return self._moved(photos), stream.record_event()

        for photos, uploaded in ahead(upload, rows):
            current = torch.cuda.current_stream(self.device)
            current.wait_event(uploaded)
            if photos.is_cuda:
                # Without this the memory could be given to the next upload while the computation still reads it.
                photos.record_stream(current)
            yield photos

    def _moved(self, photos: Tensor) -> Tensor:
        """Copy photos to the device, if there is room; whoever computes with them moves them later otherwise."""
        try:
            return photos.to(self.device, non_blocking=True)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return photos


class Resident:
    """The photos at `rows` (all of train and val, say) lie on the device; a batch is gathered there.

    Raises:
        RuntimeError: they do not fit (`device.is_out_of_memory`).
    """

    def __init__(self, store: Store, device: torch.device, rows: IntArray) -> None:
        self.store, self.device = store, device
        self._position = np.full(len(store), -1)
        self._position[rows] = np.arange(len(rows))
        self._pixels = torch.empty((len(rows), *store.size, 3), dtype=torch.uint8, device=device)
        for start in range(0, len(rows), UPLOAD):
            part = rows[start : start + UPLOAD]
            self._pixels[start : start + len(part)] = torch.from_numpy(store.read(part)).to(device)

    def batches(self, rows: Sequence[IntArray], crop: Size, max_angle: float) -> Iterator[Tensor]:
        if not rows:
            return
        positions = self._position[np.concatenate(rows)]
        if positions.min() < 0:
            raise IndexError("a row was asked for that is not resident")
        top, left, height, width = window(crop, self.store.size, max_angle)
        seen = self._pixels[:, top : top + height, left : left + width]
        # All indices of an epoch travel at once: a transfer a batch would make the host wait each time.
        on_device = torch.from_numpy(positions).to(self.device)
        for part in on_device.split([len(batch) for batch in rows]):
            yield seen[part]


def choose(store: Store, device: torch.device, say: Callable[[str], None] = lambda line: None) -> Feed:
    """Keep train and val photos resident on a GPU where they take no more than RESIDENT_SHARE of its memory and
    FREE_SHARE of what is free; streamed elsewhere. On a CPU they are streamed: the page cache holds them already."""
    if device.type != "cuda":
        return Streamed(store, device)
    rows = np.union1d(store.rows("train"), store.rows("val"))
    needed = len(rows) * 3 * store.size[0] * store.size[1]
    free, total = torch.cuda.mem_get_info(device)
    fits = needed <= min(RESIDENT_SHARE * total, FREE_SHARE * free)
    say(
        f"photos {'stay on the GPU' if fits else 'are streamed to the GPU'}: train and val take {needed / 1e9:.2f} GB; "
        f"up to {RESIDENT_SHARE:.0%} of its {total / 1e9:.1f} GB and {FREE_SHARE:.0%} of the {free / 1e9:.1f} GB free"
    )
    return _resident(store, device, rows, say) if fits else Streamed(store, device)


def _resident(store: Store, device: torch.device, rows: IntArray, say: Callable[[str], None]) -> Feed:
    """Make photos resident, or stream them where the room has gone since it was looked at: others may share the GPU."""
    try:
        return Resident(store, device, rows)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        make_room(error, device)
    say("the GPU has no room for the photos now: they are streamed to it")
    return Streamed(store, device)


def ahead(work: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Do `map(work, items)`, each result made in a thread while the caller is busy with the one before."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = None
        for item in items:
            coming = pool.submit(work, item)
            if waiting is not None:
                yield waiting.result()
            waiting = coming
        if waiting is not None:
            yield waiting.result()
