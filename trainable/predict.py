"""Softmax over the classes for photos of a store, or any others: validation and the ensemble share this code."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from data_prep.labels import IntArray
from trainable.device import autocast, is_out_of_memory, make_room
from trainable.photos.augment import apply
from trainable.photos.batches import alike
from trainable.photos.feed import Feed
from trainable.photos.params import View, constant
from trainable.photos.preprocessing import Preprocessing

Probabilities = npt.NDArray[np.float32]

PLAIN = (View(),)


def predict(
    model: nn.Module,
    feed: Feed,
    rows: IntArray,
    preprocessing: Preprocessing,
    *,
    views: Sequence[View] = PLAIN,
    batch_size: int = 128,
) -> Probabilities:
    """Average over the views the softmax for the feed's photos at `rows`.

    Args:
        model: on the feed's device; it is left in evaluation mode.
        preprocessing: that of the model's training.
        batch_size: photos at a time at most, halved as often as the device's memory asks for.

    Returns:
        float32 [len(rows), classes], rows in the order given.
    """
    if len(rows) == 0:
        return np.zeros((0, feed.store.task.classes), dtype=np.float32)
    widest = max(abs(view.angle) for view in views)

    def photos(n: int) -> Iterator[Tensor]:
        return feed.batches([rows[part] for part in alike(len(rows), n)], preprocessing.crop, widest)

    return _predict(model, photos, len(rows), batch_size, preprocessing, feed.device, views)


def predict_photos(
    model: nn.Module,
    photos: npt.NDArray[np.uint8],
    preprocessing: Preprocessing,
    *,
    device: torch.device,
    views: Sequence[View] = PLAIN,
    batch_size: int = 128,
) -> Probabilities:
    """Do as `predict` for photos at hand: uint8 [n, H, W, 3], treated and sized as those of the store that
    `preprocessing` is of."""

    def parts(n: int) -> Iterator[Tensor]:
        return (torch.from_numpy(photos[part]) for part in alike(len(photos), n))

    return _predict(model, parts, len(photos), batch_size, preprocessing, device, views)


@torch.inference_mode()
def _predict(
    model: nn.Module,
    photos: Callable[[int], Iterator[Tensor]],
    n: int,
    batch_size: int,
    preprocessing: Preprocessing,
    device: torch.device,
    views: Sequence[View],
) -> Probabilities:
    """Predict n photos, in smaller batches where memory is short.

    Args:
        photos: brings all n, in batches of at most the size that it is called with; what follows them is dropped.
    """
    model.eval()

    def seen(batch: Tensor) -> Tensor:
        votes = []
        for view in views:
            images = apply(batch, constant(view, len(batch)), preprocessing, device)
            with autocast(device):
                votes.append(model(images).float().softmax(dim=1))
        return torch.stack(votes).mean(dim=0)

    found = None
    while found is None:
        try:
            found = [seen(batch) for batch in photos(batch_size)]
        except RuntimeError as error:
            if batch_size == 1 or not is_out_of_memory(error):
                raise
            make_room(error, device)
            batch_size = max(1, batch_size // 2)
    # One transfer at the end: a transfer a batch would make the GPU wait for the host each time.
    return torch.cat(found)[:n].cpu().numpy()
