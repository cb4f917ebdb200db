"""Softmax over the 18 classes for photos of a store, or any others: validation and the ensemble share this code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from data_prep.labels import N_CLASSES, IntArray
from data_prep.store import Store
from trainable import batches
from trainable.augment import Size, View, apply, constant
from trainable.device import autocast

Probabilities = npt.NDArray[np.float32]
Statistics = Sequence[float] | npt.NDArray[np.float32]

PLAIN = (View(),)


def predict(
    model: nn.Module,
    store: Store,
    rows: IntArray,
    crop: Size,
    *,
    device: torch.device,
    views: Sequence[View] = PLAIN,
    batch_size: int = 128,
) -> Probabilities:
    """Mean over the views of the softmax for the store's photos at `rows`, cropped as in training.

    Args:
        model: on `device`; it is left in evaluation mode.
        crop: (height, width) in stored pixels, as `batches.crop_in_store` gives it.

    Returns:
        float32 [len(rows), classes], rows in the order given.
    """
    parts = [rows[part] for part in batches.slices(len(rows), batch_size)]
    photos = batches.read_batches(store, parts, crop, max(abs(view.angle) for view in views), device)
    return _predict(model, photos, crop, store.mean, store.std, device, views)


def predict_photos(
    model: nn.Module,
    photos: npt.NDArray[np.uint8],
    crop: Size,
    mean: Statistics,
    std: Statistics,
    *,
    device: torch.device,
    views: Sequence[View] = PLAIN,
    batch_size: int = 128,
) -> Probabilities:
    """The same for photos at hand: uint8 [n, H, W, 3], treated and sized as the store's are.

    Args:
        crop: (height, width) in pixels of `photos`.
        mean, std: the store's.
    """
    parts = (torch.from_numpy(photos[part]) for part in batches.slices(len(photos), batch_size))
    return _predict(model, parts, crop, mean, std, device, views)


@torch.inference_mode()
def _predict(
    model: nn.Module,
    photos: Iterable[Tensor],
    crop: Size,
    mean: Statistics,
    std: Statistics,
    device: torch.device,
    views: Sequence[View],
) -> Probabilities:
    model.eval()

    def seen() -> Iterator[Tensor]:
        for batch in photos:
            votes = []
            for view in views:
                images = apply(batch, constant(view, len(batch)), crop, mean, std, device)
                with autocast(device):
                    votes.append(model(images).float().softmax(dim=1))
            yield torch.stack(votes).mean(dim=0)

    # One transfer at the end: a transfer a batch would make the GPU wait for the host each time.
    found = list(seen())
    return torch.cat(found).cpu().numpy() if found else np.zeros((0, N_CLASSES), dtype=np.float32)
