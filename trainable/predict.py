"""Softmax over the classes for photos of a store: validation's. The ensemble runs its models by the same parts."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from data_prep.labels import IntArray
from trainable.device import autocast, is_out_of_memory, make_room
from trainable.photos.batches import alike
from trainable.photos.feed import Feed
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, look

Probabilities = npt.NDArray[np.float32]


@torch.inference_mode()
def predict(
    model: nn.Module, feed: Feed, rows: IntArray, preprocessing: Preprocessing, *, batch_size: int = 128
) -> Probabilities:
    """Compute the softmax for the feed's photos at `rows`, each seen plainly.

    Args:
        model: on the feed's device; it is left in evaluation mode.
        preprocessing: that of the model's training.
        batch_size: photos at a time at most, halved as often as the device's memory asks for.

    Returns:
        float32 [len(rows), classes], rows in the order given.
    """
    if len(rows) == 0:
        return np.zeros((0, feed.store.task.classes), dtype=np.float32)
    model.eval()

    def seen(photos: Tensor) -> Tensor:
        return softmax(model, look(photos, View(), preprocessing, feed.device))

    batches = feed.batches([rows[part] for part in alike(len(rows), batch_size)], preprocessing.crop, 0.0)
    # One transfer at the end: a transfer a batch would make the GPU wait for the host each time.
    return torch.cat(list(in_parts(seen, batches, feed.device)))[: len(rows)].cpu().numpy()


def softmax(model: nn.Module, images: Tensor) -> Tensor:
    """Compute float32 [n, classes] of what the model sees."""
    with autocast(images.device):
        logits: Tensor = model(images)
    return logits.float().softmax(dim=1)


def in_parts(work: Callable[[Tensor], Tensor], batches: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
    """Do the work on each batch, in halves (and halves of these, and so on) from where the device's memory runs short.

    Args:
        work: makes of [n, ...] something of n entries.
    """
    most = sys.maxsize
    for batch in batches:
        most, found = min(most, len(batch)), None
        while found is None:
            try:
                found = torch.cat([work(part) for part in batch.split(most)])
            except RuntimeError as error:
                if most == 1 or not is_out_of_memory(error):
                    raise
                make_room(error, device)
                most = math.ceil(most / 2)
        yield found
