"""The conventional loop: it decodes every photo for each model and each view."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as TV

from trainable.device import autocast
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, needed
from trainable.predict import Probabilities


class Photos(Dataset[Tensor]):
    """What a model sees of each photo in one view."""

    def __init__(self, source: Sequence[Path] | np.ndarray, view: View, preprocessing: Preprocessing) -> None:
        """`source`: files, or decoded photos, uint8 [n, H, W, 3]."""
        self.source, self.view, self.preprocessing = source, view, preprocessing

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Tensor:
        photo = self.source[index]
        if not isinstance(photo, Path):
            return see(Image.fromarray(photo), self.view, self.preprocessing)
        with Image.open(photo) as opened:
            return see(opened.convert("RGB"), self.view, self.preprocessing)


def see(photo: Image.Image, view: View, preprocessing: Preprocessing) -> Tensor:
    """A view as torchvision makes it of a PIL image: float32 [3, height, width]."""
    size, crop = preprocessing.size, preprocessing.crop
    if not view.is_centred:
        photo = _centred(photo, needed([view], crop), view.shift_of(crop))
    photo = TV.hflip(photo) if view.flip else photo
    photo = TV.rotate(photo, view.angle, InterpolationMode.BILINEAR) if view.angle else photo
    photo = _centred(photo, view.crop_of(crop))
    photo = TV.resize(photo, list(size)) if (photo.height, photo.width) != size else photo
    return TV.normalize(TV.to_tensor(photo), list(preprocessing.mean), list(preprocessing.std))


def _centred(photo: Image.Image, size: tuple[int, int], shift: tuple[int, int] = (0, 0)) -> Image.Image:
    """Crop about the centre, or off it; black beyond the photo."""
    top, left = (
        (side - part) // 2 + by for side, part, by in zip((photo.height, photo.width), size, shift, strict=True)
    )
    return photo.crop((left, top, left + size[1], top + size[0]))


class Conventional:
    """It predicts photos model by model, and view by view.

    Args:
        networks: torchvision's own, in evaluation mode.
        workers: processes of the DataLoader.
    """

    def __init__(self, networks: list[nn.Module], layout: torch.memory_format, place: torch.device, workers: int):
        self.networks = [each.to(place, memory_format=layout) for each in networks]  # type: ignore[call-overload]
        self.layout, self.device, self.workers = layout, place, workers

    @torch.inference_mode()
    def predict(
        self, source: Sequence[Path] | np.ndarray, seen: Sequence[View], preprocessing: Preprocessing, batch_size: int
    ) -> Probabilities:
        """Average the softmax over models and views: float32 [n, classes]."""
        votes = []
        for each in self.networks:
            for view in seen:
                photos, pinned = Photos(source, view, preprocessing), self.device.type == "cuda"
                loader = DataLoader(photos, batch_size, num_workers=self.workers, pin_memory=pinned)
                votes.append(torch.cat([self._softmax(each, images) for images in loader]))
        return torch.stack(votes).mean(dim=0).cpu().numpy()

    def _softmax(self, each: nn.Module, images: Tensor) -> Tensor:
        images = images.to(self.device, non_blocking=True, memory_format=self.layout)
        with autocast(self.device):
            logits: Tensor = each(images)
        return logits.float().softmax(dim=1)
