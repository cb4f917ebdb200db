"""Augmentation of whole batches on whichever device trains: flip, rotation, centre crop and colour jitter.

The operators and their order are those of the recipe: horizontal flip, rotation (bilinear, black outside the photo),
centre crop, brightness, contrast, saturation, hue, normalize. The colour order is fixed, where torchvision's
ColorJitter shuffles it. Each agrees with torchvision's functional operator on float images.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from trainable.photos import augment_cuda, augment_torch
from trainable.photos.params import Params
from trainable.photos.preprocessing import Preprocessing, Size

Photos = npt.NDArray[np.uint8] | Tensor


def window(crop: Size, size: Size, max_angle: float) -> tuple[int, int, int, int]:
    """Find the part of a photo that the crop can need at any angle up to `max_angle` degrees: (top, left, height,
    width).

    It lies about the photo's own centre, so that rotating the window is rotating the photo.
    """
    tall, wide = reach(crop, max_angle)
    top, left = max(0, (size[0] - tall) // 2), max(0, (size[1] - wide) // 2)
    return top, left, size[0] - 2 * top, size[1] - 2 * left


def reach(crop: Size, max_angle: float) -> Size:
    """Find the (height, width) that the crop reaches over at most when it turns by up to `max_angle` degrees."""
    angle = math.radians(min(abs(max_angle), 90.0))
    height, width = crop
    # The widest the crop reaches on its way to the angle: its diagonal, once the angle passes it.
    return _reach(height, width, angle), _reach(width, height, angle)


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
        return _by_operators
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
    return augment_cpu.apply(pixels, params.stacked().numpy(), preprocessing.crop, preprocessing.size, scale, shift)


def _on_cuda(photos: Photos, params: Params, preprocessing: Preprocessing, device: torch.device) -> Tensor:
    pixels = _tensor(photos).to(device, non_blocking=True)
    crop, size = preprocessing.crop, preprocessing.size
    return augment_cuda.apply(pixels, params.stacked(), crop, size, *preprocessing.scale_and_shift())


def _by_operators(photos: Photos, params: Params, preprocessing: Preprocessing, device: torch.device) -> Tensor:
    pixels = _tensor(photos).to(device, non_blocking=True)
    return augment_torch.apply(pixels, params, preprocessing)


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
