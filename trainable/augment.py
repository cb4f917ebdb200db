"""Augmentation of whole batches on whichever device trains: flip, rotation, centre crop and colour jitter.

The operators and their order are those of the recipe: horizontal flip, rotation (bilinear, black outside the photo),
centre crop, brightness, contrast, saturation, hue, normalize. The colour order is fixed, where torchvision's
ColorJitter shuffles it. Each agrees with torchvision's functional operator on float images.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.config import Augment

Photos = npt.NDArray[np.uint8] | Tensor
Size = tuple[int, int]


@dataclass(frozen=True)
class View:
    """One fixed way to look at a photo: first the flip, then the rotation (degrees, counter-clockwise)."""

    angle: float = 0.0
    flip: bool = False


@dataclass(frozen=True)
class Params:
    """What to do to each of n photos; every tensor is [n], on the CPU.

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

    def __len__(self) -> int:
        return len(self.angle)

    def __getitem__(self, part: slice) -> Params:
        return Params(*(getattr(self, field.name)[part] for field in fields(self)))


def draw(config: Augment, n: int, generator: torch.Generator) -> Params:
    """Random parameters for n photos, a pure function of the generator's state (a CPU generator)."""

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


def constant(view: View, n: int) -> Params:
    """The same view of n photos, colours untouched."""
    one, zero = torch.ones(n), torch.zeros(n)
    return Params(torch.full((n,), float(view.angle)), torch.full((n,), view.flip), one, one, one, zero)


def window(crop: Size, size: Size, max_angle: float) -> tuple[int, int, int, int]:
    """The part of a photo that the crop can need at any angle up to `max_angle` degrees: (top, left, height, width).

    It lies about the photo's own centre, so that rotating the window is rotating the photo.
    """
    angle = math.radians(min(abs(max_angle), 90.0))
    height, width = crop
    # The widest the crop reaches on its way to the angle: its diagonal, once the angle passes it.
    tall = _reach(height, width, angle)
    wide = _reach(width, height, angle)
    top, left = max(0, (size[0] - tall) // 2), max(0, (size[1] - wide) // 2)
    return top, left, size[0] - 2 * top, size[1] - 2 * left


def apply(
    photos: Photos,
    params: Params,
    crop: Size,
    mean: Sequence[float] | npt.NDArray[np.float32],
    std: Sequence[float] | npt.NDArray[np.float32],
    device: torch.device,
) -> Tensor:
    """uint8 photos -> what the model sees.

    Args:
        photos: uint8 [n, H, W, 3], the crop and the margin around it that `window` asks for (or all of the photo).
        crop: (height, width) in pixels of `photos`, neither above H, W. An odd pixel of margin is left below and right.
        mean, std: three values in 0..1, taken off and divided by after the colours.

    Returns:
        float32 [n, 3, height, width] in channels_last memory, on `device`.
    """
    pixels = torch.as_tensor(photos).to(device, non_blocking=True)
    image = _place(pixels.permute(0, 3, 1, 2), params, crop)
    image = _recolour(image, params)
    return _normalized(image, mean, std)


def _reach(along: int, across: int, angle: float) -> int:
    steepest = min(angle, math.atan2(across, along))
    # Bilinear sampling looks one pixel further.
    return math.ceil(along * math.cos(steepest) + across * math.sin(steepest)) + 2


def _place(pixels: Tensor, params: Params, crop: Size) -> Tensor:
    """uint8 [n, 3, H, W] -> float32 [n, 3, h, w] in 0..1: flipped, rotated about the centre, cropped."""
    if params.angle.any():
        # grid_sample is several times slower on strided planes than the copy that straightens them.
        image = pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
        grid = _sampling_grid(params, crop, (image.shape[2], image.shape[3])).to(image.device, non_blocking=True)
        return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    (height, width), (tall, wide) = crop, (pixels.shape[2], pixels.shape[3])
    flip = params.flip
    if flip.any():
        flip = flip.to(pixels.device, non_blocking=True)[:, None, None, None]
        pixels = torch.where(flip, pixels.flip(3), pixels)
    top, left = (tall - height) // 2, (wide - width) // 2
    inside = pixels[:, :, top : top + height, left : left + width]
    return inside.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def _sampling_grid(params: Params, crop: Size, size: Size) -> Tensor:
    """Where each pixel of the crop comes from: float32 [n, h, w, 2], (x, y) in -1..1 over the photo's H x W."""
    x, y = (_centred(crop[axis], size[axis]) for axis in (1, 0))
    angle = torch.deg2rad(params.angle)[:, None, None]
    cos, sin = torch.cos(angle), torch.sin(angle)
    # The flip comes first, so the way back from the crop undoes it last.
    mirror = torch.where(params.flip, -1.0, 1.0)[:, None, None]
    from_x = mirror * (cos * x - sin * y[:, None]) * (2 / size[1])
    from_y = (sin * x + cos * y[:, None]) * (2 / size[0])
    return torch.stack([from_x, from_y], dim=3)


def _centred(crop: int, size: int) -> Tensor:
    """Centres of the crop's pixels along one axis, in pixels from the photo's centre."""
    return torch.arange(crop, dtype=torch.float32) + ((size - crop) // 2 + 0.5 - size / 2)


def _recolour(image: Tensor, params: Params) -> Tensor:
    """Colour jitter on float32 [n, 3, h, w] in 0..1, which it may overwrite; what no photo needs costs nothing."""

    def factor(values: Tensor) -> Tensor:
        return values.to(image.device, non_blocking=True)[:, None, None, None]

    if (params.brightness != 1).any():
        image = image.mul_(factor(params.brightness)).clamp_(0, 1)
    if (params.contrast != 1).any():
        mean = _grey(image).mean(dim=(1, 2, 3), keepdim=True)
        image = _blend(image, mean, factor(params.contrast))
    if (params.saturation != 1).any():
        image = _blend(image, _grey(image), factor(params.saturation))
    if params.hue.any():
        image = _turn_hue(image, factor(params.hue)[:, 0])
    return image


def _grey(image: Tensor) -> Tensor:
    """ITU-R 601 luma [n, 1, h, w], with the digits that torchvision uses."""
    red, green, blue = image.unbind(1)
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)[:, None]


def _blend(image: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return image.mul_(factor).add_(other * (1 - factor)).clamp_(0, 1)


def _turn_hue(image: Tensor, turns: Tensor) -> Tensor:
    """Add `turns` [n, 1, 1] to the hue of HSV, exactly, without going through HSV.

    With h the turned hue in sixths of the wheel, each channel is smallest + chroma * clamp(ramp, 0, 1); the ramps are
    |h - 3| - 1, 2 - |h - 2| and 2 - |h - 4| for red, green and blue.
    """
    red, green, blue = image.unbind(1)
    largest = torch.maximum(torch.maximum(red, green), blue)
    smallest = torch.minimum(torch.minimum(red, green), blue)
    chroma = largest - smallest
    per_chroma = chroma.clamp_min(1e-12).reciprocal_()
    hue = torch.where(
        largest == red,
        (green - blue).mul_(per_chroma),
        torch.where(largest == green, (blue - red).mul_(per_chroma).add_(2), (red - green).mul_(per_chroma).add_(4)),
    )
    hue = hue.add_(turns * 6).remainder_(6)
    for channel, centre, sign, height in ((red, 3, 1, -1), (green, 2, -1, 2), (blue, 4, -1, 2)):
        ramp = (hue - centre).abs_().mul_(sign).add_(height).clamp_(0, 1)
        torch.addcmul(smallest, ramp, chroma, out=channel)
    return image


def _normalized(
    image: Tensor, mean: Sequence[float] | npt.NDArray[np.float32], std: Sequence[float] | npt.NDArray[np.float32]
) -> Tensor:
    scale = [1 / float(value) for value in std]
    shift = [-float(centre) * factor for centre, factor in zip(mean, scale, strict=True)]
    out = torch.empty_like(image, memory_format=torch.channels_last)
    for channel in range(3):
        # Python numbers, not tensors: nothing has to travel to the device for them.
        torch.add(image[:, channel] * scale[channel], shift[channel], out=out[:, channel])
    return out
