"""What chance decides of an epoch: the order of its photos, and how each is changed before the network sees it.

All of it is a pure function of (seed, epoch): whoever draws it again, a resumed trial or one who shows a batch to a
person, has the same photos.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from data_prep.labels import IntArray
from data_prep.store.store import Store
from trainable.config import TrialConfig
from trainable.photos import augment, augment_torch, batches, mix, params
from trainable.photos.feed import Streamed
from trainable.photos.preprocessing import Preprocessing

ORDER, AUGMENT, MIX, NETWORK = range(4)
"""What an epoch's random numbers are for: each purpose has its own stream of them."""


@dataclass(frozen=True)
class Change:
    """A batch's photos are changed so before the network sees them; `mixing` None: nothing is mixed or erased."""

    params: params.Params
    mixing: mix.Mixing | None

    def apply(
        self, photos: Tensor, classes: Tensor, preprocessing: Preprocessing, n_classes: int
    ) -> tuple[Tensor, Tensor]:
        """Make of photos, and of their classes on the device, what the network sees, and its target."""
        return self.mixed(augment.apply(photos, self.params, preprocessing, classes.device), classes, n_classes)

    def mixed(self, images: Tensor, classes: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
        """Mix photos that are augmented, and erase."""
        return (images, classes) if self.mixing is None else mix.apply(images, classes, self.mixing, n_classes)


@dataclass(frozen=True)
class Epoch:
    """An epoch's photos.

    Attributes:
        order: int64 [n], positions among the train photos.
        changes: of all of them, in that order.
    """

    order: IntArray
    changes: Change

    @classmethod
    def drawn(cls, config: TrialConfig, classes: IntArray, epoch: int) -> Epoch:
        """Draw the epoch, counted from 0, of train photos of these classes."""

        def source(purpose: int) -> torch.Generator:
            return generator(config, epoch, purpose)

        balance, n = config.train.balance, len(classes)
        order = batches.balanced(classes, balance, source(ORDER)) if balance else batches.shuffled(n, source(ORDER))
        changed = params.draw(config.augment, len(order), source(AUGMENT))
        off = mix.is_off(config.augment)
        return cls(order, Change(changed, None if off else mix.draw(config.augment, len(order), source(MIX))))

    def change(self, part: slice) -> Change:
        """Tell how the photos of one batch are changed."""
        mixing = self.changes.mixing
        return Change(self.changes.params[part], None if mixing is None else mixing[part])


def generator(config: TrialConfig, epoch: int, purpose: int) -> torch.Generator:
    """Make an epoch's generator for one purpose; epochs count from 0."""
    return batches.generator(config.train.seed, epoch, purpose)


def first_batch(config: TrialConfig, store: Store, most: int) -> npt.NDArray[np.uint8]:
    """Compute up to `most` photos of the trial's first batch as its network sees them, in colours again: uint8
    [n, height, width, 3].

    A trial's own augmentation differs by rounding: this one is by torch's operators, since to show a few photos is not
    worth the minute in which compiled code is made where there is none yet.
    """
    store, cpu = batches.view(store, config.train), torch.device("cpu")
    rows, classes = batches.training_set(config.labels, store)
    first, preprocessing = Epoch.drawn(config, classes, 0), Preprocessing.of(config.crop, store)
    # What is mixed comes from anywhere in the batch; otherwise the rest of it need not be looked at.
    part = slice(config.train.batch_size if first.changes.mixing else min(most, config.train.batch_size))
    chosen = first.order[part]
    [photos] = Streamed(store, cpu).batches([rows[chosen]], preprocessing.crop, config.augment.rotation)
    change = first.change(part)
    images = augment_torch.apply(photos, change.params, preprocessing)
    images, _ = change.mixed(images, torch.from_numpy(classes[chosen]), store.task.classes)
    colours = images[:most].permute(0, 2, 3, 1) * torch.tensor(preprocessing.std) + torch.tensor(preprocessing.mean)
    return colours.clamp(0, 1).mul(255).round().byte().numpy()
