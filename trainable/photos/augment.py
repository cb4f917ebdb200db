"""Augmentation of whole batches on whichever device trains: flip, rotation, centre crop and colour jitter.

The operators and their order are those of the recipe: horizontal flip, rotation (bilinear, black outside the photo),
centre crop, brightness, contrast, saturation, hue, normalize. The colour order is fixed, where torchvision's
ColorJitter shuffles it. Each agrees with torchvision's functional operator on float images.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.config import Augment
from trainable.photos import augment_cuda
from trainable.photos.preprocessing import Preprocessing, Size

Photos = npt.NDArray[np.uint8] | Tensor


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


def apply(photos: Photos, params: Params, preprocessing: Preprocessing, device: torch.device) -> Tensor:
    """uint8 photos -> what the model sees.

    In this order: horizontal flip, rotation, centre crop, resize, brightness, contrast, saturation, hue, normalize.
    The work is done by compiled code, on a CPU that of `augment_cpu`, on an NVIDIA GPU that of `augment_cuda`; where
    `why_operators` has a reason, and on other devices, by torch's operators.

    Args:
        photos: uint8 [n, H, W, 3], the crop and the margin around it that `window` asks for (or all of the photo); a
            slice of a larger array will do. Only read.
        preprocessing: its crop is in pixels of `photos`, no side above H, W; an odd pixel of margin is left below and
            right.

    Returns:
        float32 [n, 3, height, width] in channels_last memory, on `device`.

    Raises:
        ValueError: the crop is larger than the photos, or there are not as many params as photos.
    """
    crop = preprocessing.crop
    if crop[0] > photos.shape[1] or crop[1] > photos.shape[2]:
        raise ValueError(f"crop <= photo must hold, but got crop={crop} of photos {tuple(photos.shape)}")
    if len(params) != len(photos):
        raise ValueError(f"len(params) == len(photos) must hold, but got {len(params)} and {len(photos)}")
    return _route(device)(photos, params, preprocessing, device)


def why_operators(device: torch.device) -> str | None:
    """Say in words why torch's operators augment on a device, several times slower; None where compiled code does."""
    if device.type == "cpu":
        return _why_not_numba()
    return augment_cuda.why_not(device) if device.type == "cuda" else f"nothing is compiled for {device.type}"


def _route(device: torch.device) -> Callable[..., Tensor]:
    if why_operators(device):
        return _on_device
    return _on_cpu if device.type == "cpu" else _on_cuda


@functools.cache
def _why_not_numba() -> str | None:
    # Imported here because it brings numba along, which a trial on a GPU has no use for.
    try:
        from trainable.photos import augment_cpu  # noqa: F401
    except ImportError as error:  # numba also raises it where NumPy is newer than it knows
        return str(error)
    return None


def _on_cpu(photos: Photos, params: Params, preprocessing: Preprocessing, device: torch.device) -> Tensor:
    from trainable.photos import augment_cpu

    pixels = photos.cpu().numpy() if isinstance(photos, Tensor) else np.asarray(photos)
    scale, shift = (np.array(values, dtype=np.float32) for values in preprocessing.scale_and_shift())
    return augment_cpu.apply(pixels, _stacked(params).numpy(), preprocessing.crop, preprocessing.size, scale, shift)


def _on_cuda(photos: Photos, params: Params, preprocessing: Preprocessing, device: torch.device) -> Tensor:
    pixels = _tensor(photos).to(device, non_blocking=True)
    crop, size = preprocessing.crop, preprocessing.size
    return augment_cuda.apply(pixels, _stacked(params), crop, size, *preprocessing.scale_and_shift())


def _on_device(photos: Photos, params: Params, preprocessing: Preprocessing, device: torch.device) -> Tensor:
    """By torch's operators. What to do is decided on the CPU's `params`; asking the device would wait for it."""
    pixels = _tensor(photos).to(device, non_blocking=True)
    values = _stacked(params)
    values = (values.pin_memory() if device.type == "cuda" else values).to(device, non_blocking=True)
    there = Params(*values[:, :, None, None, None])
    image = _place(pixels.permute(0, 3, 1, 2), params, there, preprocessing.crop)
    if preprocessing.size != preprocessing.crop:
        image = F.interpolate(image, size=preprocessing.size, mode="bilinear", antialias=True, align_corners=False)
    image = _recolour(image, params, there)
    return _normalized(image, preprocessing)


def _stacked(params: Params) -> Tensor:
    """float32 [6, n], a row for each field."""
    return torch.stack([getattr(params, field.name).to(torch.float32) for field in fields(params)])


def _tensor(photos: Photos) -> Tensor:
    if isinstance(photos, Tensor):
        return photos
    # torch shares no memory that may not be written to, nor any that runs backwards.
    shared = photos.flags.writeable and min(photos.strides) >= 0
    return torch.from_numpy(photos if shared else photos.copy())


def _reach(along: int, across: int, angle: float) -> int:
    steepest = min(angle, math.atan2(across, along))
    # Bilinear sampling looks one pixel further.
    return math.ceil(along * math.cos(steepest) + across * math.sin(steepest)) + 2


def _place(pixels: Tensor, params: Params, there: Params, crop: Size) -> Tensor:
    """uint8 [n, 3, H, W] -> float32 [n, 3, h, w] in 0..1: flipped, rotated about the centre, cropped.

    Args:
        there: the same as `params`, on the device of `pixels`, each float32 [n, 1, 1, 1].
    """
    if params.angle.any():
        # grid_sample is several times slower on strided planes than the copy that straightens them.
        image = pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
        grid = _sampling_grid(there, crop, (image.shape[2], image.shape[3]))
        return F.grid_sample(image, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    if params.flip.any():
        pixels = torch.where(there.flip != 0, pixels.flip(3), pixels)
    (height, width), (tall, wide) = crop, (pixels.shape[2], pixels.shape[3])
    top, left = (tall - height) // 2, (wide - width) // 2
    inside = pixels[:, :, top : top + height, left : left + width]
    return inside.to(torch.float32, memory_format=torch.contiguous_format).div_(255)


def _sampling_grid(params: Params, crop: Size, size: Size) -> Tensor:
    """Where each pixel of the crop comes from: float32 [n, h, w, 2], (x, y) in -1..1 over the photo's H x W."""
    angle = torch.deg2rad(params.angle[:, 0])
    x, y = (_centred(crop[axis], size[axis], angle.device) for axis in (1, 0))
    cos, sin = torch.cos(angle), torch.sin(angle)
    # The flip comes first, so the way back from the crop undoes it last.
    across = (1 - 2 * params.flip[:, 0]) * (2 / size[1])
    grid = torch.empty((len(angle), *crop, 2), device=angle.device)
    torch.sub(across * cos * x, across * sin * y[:, None], out=grid[..., 0])
    torch.add(sin * (2 / size[0]) * x, cos * (2 / size[0]) * y[:, None], out=grid[..., 1])
    return grid


def _centred(crop: int, size: int, device: torch.device) -> Tensor:
    """Centres of the crop's pixels along one axis, in pixels from the photo's centre."""
    return torch.arange(crop, dtype=torch.float32, device=device) + ((size - crop) // 2 + 0.5 - size / 2)


def _recolour(image: Tensor, params: Params, there: Params) -> Tensor:
    """Colour jitter on float32 [n, 3, h, w] in 0..1, which it overwrites; what no photo needs costs nothing."""
    if (params.brightness != 1).any():
        image.mul_(there.brightness).clamp_(0, 1)
    if (params.contrast != 1).any():
        _blend(image, _grey(image).mean(dim=(1, 2, 3), keepdim=True), there.contrast)
    if (params.saturation != 1).any():
        _blend(image, _grey(image), there.saturation)
    if params.hue.any():
        _turn_hue(image, there.hue[:, 0])
    return image


def _grey(image: Tensor) -> Tensor:
    """ITU-R 601 luma [n, 1, h, w], with the digits that torchvision uses."""
    red, green, blue = image.unbind(1)
    return (red * 0.2989).add_(green, alpha=0.587).add_(blue, alpha=0.114)[:, None]


def _blend(image: Tensor, other: Tensor, factor: Tensor) -> None:
    image.mul_(factor).add_(other.mul_(1 - factor)).clamp_(0, 1)


def _turn_hue(image: Tensor, turns: Tensor) -> None:
    """Add `turns` [n, 1, 1] to the hue of HSV, exactly, without going through HSV.

    With h the turned hue in sixths of the wheel, each channel is smallest + chroma * clamp(ramp, 0, 1); the ramps are
    |h - 3| - 1, 2 - |h - 2| and 2 - |h - 4| for red, green and blue.
    """
    red, green, blue = image.unbind(1)
    largest = torch.maximum(red, green)
    largest = torch.maximum(largest, blue, out=largest)
    smallest = torch.minimum(red, green)
    smallest = torch.minimum(smallest, blue, out=smallest)
    chroma = largest - smallest
    per_chroma = chroma.clamp_min(1e-12).reciprocal_()
    hue = (red - green).mul_(per_chroma).add_(4)
    hue = torch.where(largest == green, (blue - red).mul_(per_chroma).add_(2), hue)
    hue = torch.where(largest == red, (green - blue).mul_(per_chroma), hue)
    hue = hue.add_(turns * 6).remainder_(6)
    for channel, centre, sign, height in ((red, 3, 1, -1), (green, 2, -1, 2), (blue, 4, -1, 2)):
        ramp = torch.sub(hue, centre, out=largest).abs_().mul_(sign).add_(height).clamp_(0, 1)
        torch.addcmul(smallest, ramp, chroma, out=channel)


def _normalized(image: Tensor, preprocessing: Preprocessing) -> Tensor:
    out = torch.empty_like(image, memory_format=torch.channels_last)
    for channel, (scale, shift) in enumerate(zip(*preprocessing.scale_and_shift(), strict=True)):
        # Python numbers, not tensors: nothing has to travel to the device for them.
        torch.mul(image[:, channel], scale, out=out[:, channel]).add_(shift)
    return out
