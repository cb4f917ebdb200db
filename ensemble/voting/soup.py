"""Soups: networks whose weights are the mean of several that share their start (Wortsman et al. 2022).

The statistics of batch norm are no weights: those of a mean are not the mean of theirs, and so they are taken anew from
photos of train, seen as validation sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from common.search_folder import BEST_WEIGHTS
from data_prep.labels import IntArray
from data_prep.store.store import Store
from trainable.best import load_best
from trainable.config import TrialConfig, check_frame
from trainable.device import autocast
from trainable.network import model
from trainable.photos import batches
from trainable.photos.feed import Feed, Streamed
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, look
from trainable.predict import Probabilities, predict

MOST_BATCHES, BATCH = 200, 64
"""The statistics are of so many photos of train at most: of 12,800 a mean's error is a hundredth of their spread."""

Weights = Mapping[str, Tensor]


class Kitchen:
    """It makes soups of trained networks, and predicts by them.

    Attributes:
        folders: of the networks; the first one's configuration says what a soup sees.
        config: of the first.
    """

    def __init__(self, folders: Sequence[Path], store: Store, device: torch.device, most: int) -> None:
        """Read the best epochs in these folders, one or more: of the first and of at most `most` in all that share its
        start.

        Raises:
            CheckpointError: one is missing or damaged.
        """
        self.config, weights, _ = _read(folders[0], store)
        self.folders, self._weights = [folders[0]], [weights]
        for folder in folders[1:]:
            config, weights, _ = _read(folder, store)
            if len(self.folders) < most and share_start(self.config, config):
                self.folders.append(folder)
                self._weights.append(weights)
        self._feed, self._preprocessing = Streamed(store, device), Preprocessing.of(self.config.crop, store)
        first = replace(self.config.model, weights="none")
        self._network = model.place(model.build(first, store.task.classes), device)

    def make(self, of: Sequence[int]) -> dict[str, Tensor]:
        """Mix the networks at these positions: a state dict on the CPU, with batch norm's statistics its own."""
        self._network.load_state_dict(mean([self._weights[position] for position in of]))
        refresh_batch_norm(self._network, self._feed, self._feed.store.rows("train"), self._preprocessing)
        return {name: value.detach().to("cpu", copy=True) for name, value in self._network.state_dict().items()}

    def predict(self, weights: Weights, rows: IntArray) -> Probabilities:
        """Predict photos of the store by a network of these weights: float32 [n, classes]."""
        self._network.load_state_dict(dict(weights))
        return predict(self._network, self._feed, rows, self._preprocessing)


def _read(folder: Path, store: Store) -> tuple[TrialConfig, dict[str, Tensor], dict[str, Any]]:
    read = load_best(folder / BEST_WEIGHTS)
    check_frame(read[2], store.source_size, str(folder / BEST_WEIGHTS))
    return read


def share_start(one: TrialConfig, other: TrialConfig) -> bool:
    """Say whether the networks of two trials may be mixed: they have an arch and first weights in common, which follow
    from a file and the seed, and see the same part of a photo. Nor may either have trained on folds or on val."""
    same = (one.model, one.train.seed, one.crop) == (other.model, other.train.seed, other.crop)
    return same and not any((one.train.folds, other.train.folds, one.train.refit, other.train.refit))


def mean(weights: Sequence[Weights]) -> dict[str, Tensor]:
    """Average state dicts, name by name, in double precision; of what are no real numbers, counts say, the first one's.

    Raises:
        ValueError: there is none, or they are of different networks.
    """
    if not weights:
        raise ValueError("mean: weights of one network or more are needed, but got none")
    shapes = [{name: (value.shape, value.dtype) for name, value in each.items()} for each in weights]
    if any(each != shapes[0] for each in shapes):
        raise ValueError("mean: weights of one kind of network are needed, but their names, shapes or dtypes differ")
    return {name: _mean([each[name] for each in weights]) for name in weights[0]}


def _mean(values: Sequence[Tensor]) -> Tensor:
    first = values[0]
    if not first.is_floating_point():
        return first.clone()
    return torch.stack([value.double() for value in values]).mean(dim=0).to(first.dtype)


@torch.no_grad()
def refresh_batch_norm(network: nn.Module, feed: Feed, rows: IntArray, seen_as: Preprocessing, seed: int = 0) -> None:
    """Take the statistics of batch norm anew from photos at `rows`, in an order drawn from the seed and not augmented:
    the mean over the batches. The network is left in evaluation mode."""
    network.eval()
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # torch's plain mean over all batches
        layer.train()
    order = rows[batches.shuffled(len(rows), batches.generator(seed))]
    parts = batches.slices(len(order), BATCH, batches.SMALLEST)[:MOST_BATCHES] if layers else []
    for photos in feed.batches([order[part] for part in parts], seen_as.crop, 0.0):
        with autocast(feed.device):
            network(look(photos, View(), seen_as, feed.device))
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    network.eval()
