"""The conventional trainer, as good practitioners write it: the program that a trial is compared with.

A Dataset of JPEG files decoded by PIL, torchvision's transforms on PIL images, a DataLoader with worker processes that
stay, page-locked batches copied without waiting, cuDNN's search for fast convolutions, autocast (with a GradScaler
for float16), torch's default optimizer implementation, NCHW memory, the loss read at every step for a running mean.
Model, losses, schedule, batch size and photos are the trial's own.

RandomRotation keeps torchvision's default, the nearest pixel, which is faster than the trial's bilinear one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, RandomSampler
from torchvision import transforms

from data_prep.labels import IntArray
from data_prep.store.store import Store
from trainable.config import Optimizer, TrialConfig
from trainable.device import amp_dtype, autocast
from trainable.network import model
from trainable.photos import batches
from trainable.photos.preprocessing import Preprocessing
from trainable.recipe import losses
from trainable.recipe.schedule import learning_rate

JPEG, DECODED = "JPEG files", "decoded photos"
"""Where photos come from. Decoded ones are the store's, so that no decoding counts against the conventional trainer."""

QUALITY = 95

Transform = Callable[[Image.Image], Tensor]
Photos = Dataset[tuple[Tensor, int]]


class JpegPhotos(Photos):
    """(what the transform makes of the photo, its class)."""

    def __init__(self, files: Sequence[Path], classes: IntArray, transform: Transform) -> None:
        self.files, self.classes, self.transform = files, classes, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        with Image.open(self.files[index]) as photo:
            return self.transform(photo.convert("RGB")), int(self.classes[index])


class DecodedPhotos(Photos):
    """It does as `JpegPhotos`, from a store's pixels."""

    def __init__(self, store: Store, rows: IntArray, classes: IntArray, transform: Transform) -> None:
        self.store, self.rows, self.classes, self.transform = store, rows, classes, transform

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        photo = Image.fromarray(self.store.read(self.rows[index : index + 1])[0])
        return self.transform(photo), int(self.classes[index])


def dataset(config: TrialConfig, store: Store, source: str, folder: Path) -> Photos:
    """The trial's train photos and classes from `source`; `folder` holds the JPEG files (`write_jpegs`)."""
    rows, classes = batches.training_set(config.labels, store)
    if source == DECODED:
        return DecodedPhotos(store, rows, classes, transform(config, store))
    return JpegPhotos([jpeg(folder, row) for row in rows], classes, transform(config, store))


def write_jpegs(store: Store, rows: IntArray, folder: Path) -> None:
    """The photos as stored, as JPEG files; written just now, they are in the page cache as the store is."""
    for row in rows:
        Image.fromarray(store.read([row])[0]).save(jpeg(folder, row), quality=QUALITY)


def jpeg(folder: Path, row: int) -> Path:
    return folder / f"{row:06d}.jpg"


def transform(config: TrialConfig, store: Store) -> Transform:
    """PIL image -> float32 [3, h, w]: the recipe as torchvision v1 spells it."""
    augment, preprocessing = config.augment, Preprocessing.of(config.crop, store)
    crop, size = preprocessing.crop, preprocessing.size
    return transforms.Compose(
        [
            transforms.RandomHorizontalFlip(augment.flip),
            transforms.RandomRotation(augment.rotation),
            transforms.CenterCrop(crop),
            *([transforms.Resize(size)] if size != crop else []),
            transforms.ColorJitter(augment.brightness, augment.contrast, augment.saturation, augment.hue),
            transforms.ToTensor(),
            transforms.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )


def loader(
    photos: Photos, batch_size: int, workers: int, device: torch.device, length: int | None = None
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Load photos in random order.

    Args:
        workers: processes, which stay from epoch to epoch; 0 loads in this one.
        length: photos of an epoch, drawn with replacement; None is each photo once.
    """
    order = RandomSampler(photos, replacement=length is not None, num_samples=length)  # type: ignore[arg-type]
    return DataLoader(
        photos,
        batch_size=batch_size,
        sampler=order,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
    )


class Conventional:
    """Trains the trial's configuration.

    Attributes:
        mean_loss: of the last epoch.
    """

    def __init__(
        self, config: TrialConfig, device: torch.device, item: bool = True, channels_last: bool = False
    ) -> None:
        """Args:
        item: read the loss from the device at every step, as nearly everybody does.
        channels_last: the memory format of network and photos, instead of NCHW.
        """
        self.config, self.device, self.item = config, device, item
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.model = model.build(config.model, seed=config.train.seed).to(device, memory_format=self.format)
        self.optimizer = optimizer(config.optimizer, self.model)
        self.scaler = torch.amp.GradScaler(device.type, enabled=amp_dtype(device) == torch.float16)
        self.mean_loss = float("nan")
        self._epoch = 0

    def epoch(self, loader: DataLoader[tuple[Tensor, Tensor]], after: Callable[[int], None] = lambda step: None) -> int:
        """Train for an epoch. Returns how many photos it went through. `after` hears of each step, counted from 0."""
        self.model.train()
        seen, running = 0, 0.0
        for step, (images, target) in enumerate(loader):
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate(self._epoch + step / len(loader), self.config.schedule)
            loss = self._step(images, target)
            running += (loss.item() if self.item else loss.detach()) * len(images)
            seen += len(images)
            after(step)
        self._epoch += 1
        self.mean_loss = float(running) / seen
        return seen

    def _step(self, images: Tensor, target: Tensor) -> Tensor:
        images = images.to(self.device, non_blocking=True, memory_format=self.format)
        target = target.to(self.device, non_blocking=True)
        self.optimizer.zero_grad()
        with autocast(self.device):
            loss = losses.combined(self.model(images), target, self.config.loss).total
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss


def optimizer(config: Optimizer, network: nn.Module) -> torch.optim.Optimizer:
    """Make an optimizer as torch.optim does unless told otherwise: neither fused nor, on a CPU, foreach."""
    if config.name == "adamw":
        return torch.optim.AdamW(network.parameters(), weight_decay=config.weight_decay)
    return torch.optim.SGD(network.parameters(), lr=1e-3, momentum=config.momentum, weight_decay=config.weight_decay)
