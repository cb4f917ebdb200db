"""The augmentation of `augment` by torch's own operators, on any device: what compiled code is checked against."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trainable.photos.params import Params
from trainable.photos.preprocessing import Preprocessing, Size


def apply(pixels: Tensor, params: Params, preprocessing: Preprocessing) -> Tensor:
    """uint8 photos -> what the model sees; `augment.apply` says how.

    Args:
        pixels: uint8 [n, H, W, 3]; only read.
        params: on the CPU, where it is decided what to do: asking the device would wait for it.

    Returns:
        float32 [n, 3, height, width] in channels_last memory, on the device of `pixels`.
    """
    crop, size = preprocessing.crop, preprocessing.size
    there = _moved(params, pixels.device)
    image = _place(pixels.permute(0, 3, 1, 2), params, there, crop)
    if size != crop:
        image = F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False)
    image = _recolour(image, params, there)
    return _normalized(image, preprocessing)


def _moved(params: Params, device: torch.device) -> Params:
    """Copy `params` to the device, each float32 [n, 1, 1, 1]; the host does not wait for them."""
    values = params.stacked()
    values = (values.pin_memory() if device.type == "cuda" else values).to(device, non_blocking=True)
    return Params(*values[:, :, None, None, None])


def _place(pixels: Tensor, params: Params, there: Params, crop: Size) -> Tensor:
    """uint8 [n, 3, H, W] -> float32 [n, 3, h, w] in 0..1: flipped, rotated about the centre, cropped.

    Args:
        there: `params`, moved to the device of `pixels`.
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
    """Give the centres of the crop's pixels along one axis, in pixels from the photo's centre."""
    return torch.arange(crop, dtype=torch.float32, device=device) + ((size - crop) // 2 + 0.5 - size / 2)


def _recolour(image: Tensor, params: Params, there: Params) -> Tensor:
    """Jitter the colours of float32 [n, 3, h, w] in 0..1, which it overwrites; what no photo needs costs nothing."""
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
    """Compute the ITU-R 601 luma [n, 1, h, w], with the digits that torchvision uses."""
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
