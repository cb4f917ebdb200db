"""CutMix, halves and random erasing of whole batches, on whichever device trains.

CutMix: Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers (2019). Halves are CutMix whose box is
the left or the right half of the photo. Random erasing: Zhong et al., Random Erasing Data Augmentation (2017), with the
ranges of torchvision's RandomErasing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.config import Augment
from trainable.photos.params import PerPhoto

ERASED_AREA = (0.02, 0.33)
ERASED_ASPECT = (0.3, 3.3)
"""The ratio of height to width in a square image; in another one it is stretched as the image is."""


@dataclass(frozen=True)
class Mixing(PerPhoto):
    """It says what n photos get from one another, and where they are erased; on the CPU, for images of any size.

    A box is (top, left, bottom, right) in fractions of the image; a photo that is left alone has an empty one. A pixel
    is in a box when its centre is.

    Attributes:
        box: float32 [n, 4], what comes from another photo of the batch.
        partner: float32 [n] in 0..1, which one of the others that is.
        erased: float32 [n, 4], what is erased.
    """

    box: Tensor
    partner: Tensor
    erased: Tensor


def is_off(config: Augment) -> bool:
    """Say whether no photo is ever mixed or erased."""
    return config.erasing == config.cutmix == config.halves == 0


def draw(config: Augment, n: int, generator: torch.Generator) -> Mixing:
    """Draw random boxes for n photos, a pure function of the generator's state (a CPU generator)."""

    def uniform() -> Tensor:
        return torch.rand(n, generator=generator)

    which = uniform()
    cut, halved = which < config.cutmix, (which >= config.cutmix) & (which < config.cutmix + config.halves)
    # Drawn whether they are used or not: a setting that changes leaves the other ones' numbers as they were.
    cuts, halves = _cut_boxes(uniform(), uniform(), uniform()), _half_boxes(uniform() < 0.5)
    box = cuts * cut[:, None] + halves * halved[:, None]
    partner, erase = uniform(), uniform() < config.erasing
    erased = _erased_boxes(uniform(), uniform(), uniform(), uniform()) * erase[:, None]
    return Mixing(box, partner, erased)


def apply(images: Tensor, classes: Tensor, mixing: Mixing, n_classes: int) -> tuple[Tensor, Tensor]:
    """Mix the photos of a batch, then erase; never waits for the device.

    Args:
        images: float32 [n, 3, h, w], normalized, in any memory format; overwritten.
        classes: int64 [n], on the device of `images`.
        mixing: of these n photos.

    Returns:
        images: the same tensor. What was erased is 0, the mean colour of the store.
        target: `classes` itself when no photo is mixed, else float32 [n, n_classes], the share of each class in the
            pixels of the photo, counted before anything is erased.
    """
    n, size = len(images), (images.shape[2], images.shape[3])
    box, erased = _pixels(mixing.box, size), _pixels(mixing.erased, size)
    # Decided here, on the CPU's copy, so that nothing has to be asked of the device.
    mixes, erases = n > 1 and _any_inside(box), _any_inside(erased)
    if not (mixes or erases):
        return images, classes
    numbers = torch.cat([box, erased, _others(mixing.partner)[:, None]], dim=1)
    box, erased, partner = _to_device(numbers, images.device).split([4, 4, 1], dim=1)
    target = classes
    if mixes:
        images, target = _mix(images, classes, box, partner.squeeze(1), n_classes)
    if erases:
        images.masked_fill_(_inside(erased, size), 0)
    return images, target


def _cut_boxes(keep: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Boxes [n, 4] of area 1 - keep and the image's aspect about the centre (y, x), clipped where the image ends."""
    half = (1 - keep).sqrt() / 2
    return torch.stack([y - half, x - half, y + half, x + half], dim=1).clamp_(0, 1)


def _half_boxes(right: Tensor) -> Tensor:
    """bool [n] -> boxes [n, 4]: the right half or the left one."""
    left_half, right_half = torch.tensor([0.0, 0.0, 1.0, 0.5]), torch.tensor([0.0, 0.5, 1.0, 1.0])
    return torch.where(right[:, None], right_half, left_half)


def _erased_boxes(area: Tensor, aspect: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Uniform numbers -> boxes [n, 4] anywhere in the image: area uniform, aspect log-uniform, no side above 1."""
    area = ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * area
    low, high = (math.log(end) for end in ERASED_ASPECT)
    aspect = torch.exp(low + (high - low) * aspect)
    height, width = (area * aspect).sqrt().clamp_(max=1), (area / aspect).sqrt().clamp_(max=1)
    top, left = y * (1 - height), x * (1 - width)
    return torch.stack([top, left, top + height, left + width], dim=1).clamp_(0, 1)


def _pixels(boxes: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes in fractions -> int64 [n, 4]: first row, first column, and the row and the column after the last.

    A centre on the very edge is outside, so that either half of an odd width w has w // 2 columns.
    """
    edges = boxes * torch.tensor([*size, *size]) - 0.5
    first = edges[:, :2].floor().add_(1)
    end = edges[:, 2:].ceil().maximum(first)
    return torch.cat([first, end], dim=1).long()


def _any_inside(pixels: Tensor) -> bool:
    return bool((pixels[:, 2:] > pixels[:, :2]).all(dim=1).any())


def _others(partner: Tensor) -> Tensor:
    """Numbers [n] in 0..1 -> int64 [n], for each photo the index of another one, all equally likely."""
    n = len(partner)
    further = 1 + (partner * (n - 1)).long().clamp_(max=n - 2)
    return (torch.arange(n) + further) % n


def _to_device(numbers: Tensor, device: torch.device) -> Tensor:
    pinned = numbers.pin_memory() if device.type == "cuda" else numbers
    return pinned.to(device, non_blocking=True)


def _mix(images: Tensor, classes: Tensor, box: Tensor, partner: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
    # A copy made before anything is written: donors give their pixels as they were. Gathered with the channels last,
    # because index_select makes its result contiguous.
    donors = images.permute(0, 2, 3, 1).index_select(0, partner).permute(0, 3, 1, 2)
    height, width = images.shape[2:]
    torch.where(_inside(box, (height, width)), donors, images, out=images)
    share = (box[:, 2] - box[:, 0]) * (box[:, 3] - box[:, 1]) / (height * width)
    own = F.one_hot(classes, n_classes).float()
    return images, own.lerp(own.index_select(0, partner), share[:, None])


def _inside(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Boxes in pixels -> bool [n, 1, h, w], on their device."""
    top, left, bottom, right = (edge[:, None] for edge in pixels.unbind(1))
    row, column = (torch.arange(length, device=pixels.device) for length in size)
    rows, columns = (top <= row) & (row < bottom), (left <= column) & (column < right)
    return rows[:, None, :, None] & columns[:, None, None, :]
