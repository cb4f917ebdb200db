"""Parameters say what augmentation does to each photo: drawn at random to train, the same for all to predict."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import torch
from torch import Tensor

from trainable.config import Augment


@dataclass(frozen=True)
class PerPhoto:
    """Tensors of which each has an entry for every one of n photos; a slice is of some of the photos."""

    def __len__(self) -> int:
        return len(getattr(self, fields(self)[0].name))

    def __getitem__(self, part: slice) -> Self:
        return type(self)(*(getattr(self, field.name)[part] for field in fields(self)))


@dataclass(frozen=True)
class Params(PerPhoto):
    """They say what to do to each of n photos; every tensor is [n], on the CPU.

    Attributes:
        angle: float32, degrees counter-clockwise.
        flip: bool.
        brightness, contrast, saturation: float32 factors, 1 is neutral.
        hue: float32, turns of the colour wheel, 0 is neutral.
    """

    angle: Tensor
    flip: Tensor
    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor

    def stacked(self) -> Tensor:
        """Put all into one tensor, float32 [6, n], a row for each field."""
        return torch.stack([getattr(self, field.name).to(torch.float32) for field in fields(self)])


def draw(config: Augment, n: int, generator: torch.Generator) -> Params:
    """Draw random parameters for n photos, a pure function of the generator's state (a CPU generator)."""

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n, generator=generator)

    return Params(
        angle=uniform(-config.rotation, config.rotation),
        flip=torch.rand(n, generator=generator) < config.flip,
        brightness=uniform(1 - config.brightness, 1 + config.brightness),
        contrast=uniform(1 - config.contrast, 1 + config.contrast),
        saturation=uniform(1 - config.saturation, 1 + config.saturation),
        hue=uniform(-config.hue, config.hue),
    )
