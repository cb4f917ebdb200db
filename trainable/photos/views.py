"""A view is one fixed way to look at a photo, known by its name: test-time augmentation averages over several."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.photos.augment import apply, reach
from trainable.photos.params import Params
from trainable.photos.preprocessing import Preprocessing, Size

FLIP, PLAIN = "flip", "plain"
NAMES = {"rotate": "angle", "right": "right", "down": "down", "scale": "scale"}
"""What a view's name calls its numbers, in the order they stand there."""
MOST = {"angle": 360, "right": 50, "down": 50, "scale": 50}
_NUMBER = re.compile(rf"({'|'.join(NAMES)})([+-][0-9]{{1,3}}(?:\.[0-9]{{1,3}})?)")


@dataclass(frozen=True)
class View:
    """It looks at a photo through a crop of its own; what is seen there is flipped, then rotated, then resized.

    Attributes:
        angle: degrees counter-clockwise.
        flip: mirrored, left for right.
        right, down: how far the crop lies from the photo's centre, in hundredths of its own width and height.
        scale: how many percent larger things look, in a crop that is as much smaller.

    Raises:
        ValueError: a number beyond `MOST`.
    """

    angle: float = 0.0
    flip: bool = False
    right: float = 0.0
    down: float = 0.0
    scale: float = 0.0

    def __post_init__(self) -> None:
        for field, most in MOST.items():
            if not abs(value := getattr(self, field)) <= most:
                raise ValueError(f"view: -{most} <= {field} <= {most} must hold, but got {value!r}")

    @property
    def name(self) -> str:
        """This is "plain", or what makes the view another one: "flip", "rotate+6", "flip, rotate-6", "scale+8"."""
        numbers = {word: getattr(self, field) for word, field in NAMES.items()}
        parts = [FLIP] * self.flip + [f"{word}{value:+g}" for word, value in numbers.items() if value]
        return ", ".join(parts) or PLAIN

    @classmethod
    def named(cls, name: str) -> Self:
        """Find the view of a name.

        Raises:
            ValueError: no view is called so.
        """
        numbers = {NAMES[word]: float(value) for word, value in _NUMBER.findall(name)}
        view = cls(flip=FLIP in name, **numbers)
        if view.name != name:
            raise ValueError(f'view: a name such as "plain", "flip" or "flip, rotate-6" is needed, but got {name!r}')
        return view

    @property
    def is_centred(self) -> bool:
        """Whether its crop is validation's."""
        return not (self.right or self.down or self.scale)

    def crop_of(self, crop: Size) -> Size:
        """Find what it sees at the crop's own size: whole pixels less (or more) on either side."""
        share = (1 - 1 / (1 + self.scale / 100)) / 2
        height, width = (side - 2 * round(side * share) for side in crop)
        return height, width

    def shift_of(self, crop: Size) -> tuple[int, int]:
        """Find how many pixels (down, right) from the photo's centre its crop lies."""
        return round(crop[0] * self.down / 100), round(crop[1] * self.right / 100)


def constant(view: View, n: int) -> Params:
    """Give n photos the view's flip and rotation, colours untouched."""
    one, zero = torch.ones(n), torch.zeros(n)
    return Params(torch.full((n,), float(view.angle)), torch.full((n,), view.flip), one, one, one, zero)


def look(photos: Tensor, view: View, preprocessing: Preprocessing, device: torch.device) -> Tensor:
    """uint8 photos -> what the model sees of them in this view.

    Args:
        photos: uint8 [n, H, W, 3], as much of each photo about its centre as `needed` asks for, or all of it. Beyond
            them all is black.

    Returns:
        float32 [n, 3, height, width], as `augment.apply` does.
    """
    crop = preprocessing.crop
    if not view.is_centred:
        photos = _about(_widened(photos, _needed(view, crop)), view.shift_of(crop))
    return apply(photos, constant(view, len(photos)), replace(preprocessing, crop=view.crop_of(crop)), device)


def needed(views: Iterable[View], crop: Size) -> Size:
    """Find the (height, width), about a photo's centre, of all that these views of the crop can need."""
    heights, widths = zip(*(_needed(view, crop) for view in views), strict=True)
    return max(heights), max(widths)


def _needed(view: View, crop: Size) -> Size:
    (tall, wide), (down, right) = reach(view.crop_of(crop), view.angle), view.shift_of(crop)
    return tall + 2 * abs(down), wide + 2 * abs(right)


def _widened(photos: Tensor, size: Size) -> Tensor:
    """Put a black rim around photos smaller than `size`, the same on both sides, so that the centre stays."""
    rims = [max(0, (side - there + 1) // 2) for side, there in zip(size, photos.shape[1:3], strict=True)]
    return F.pad(photos, (0, 0, rims[1], rims[1], rims[0], rims[0])) if any(rims) else photos


def _about(photos: Tensor, shift: tuple[int, int]) -> Tensor:
    """Cut photos on one side, so that what was `shift` pixels off their centre is their centre."""
    rows, columns = (
        slice(max(0, 2 * by), side + min(0, 2 * by)) for by, side in zip(shift, photos.shape[1:3], strict=True)
    )
    return photos[:, rows, columns]
