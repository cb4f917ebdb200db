"""The augmentation of `augment` on one core of a CPU, compiled by numba, photo by photo so that a photo stays in cache.

A photo's bytes are packed to one 32-bit word a pixel inside a rim of zeros; sampling reads words, with no question of
where the photo ends; colours are changed on three planes, a few kilobytes at a time, and written out interleaved.
All of it is serial and lets go of the GIL. Importing this module compiles it, once a machine: numba keeps the result
for as long as this file stays as it is, which is why all compiled code is in this one file.
"""

# mypy: allow-untyped-defs
# (numba infers the types of compiled functions from those declared at the end.)

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from numba import njit, types
from torch import Tensor

FloatArray = npt.NDArray[np.float32]
ByteArray = npt.NDArray[np.uint8]
Size = tuple[int, int]

_ZERO, _ONE, _TWO, _THREE, _FOUR, _SIX = (np.float32(value) for value in (0, 1, 2, 3, 4, 6))
_RED, _GREEN, _BLUE = np.float32(0.2989), np.float32(0.587), np.float32(0.114)
_BYTE = np.uint32(255)
_CHUNK = 1024
"""Pixels whose colours are changed at a time: 12 KiB."""

# Sums may be reordered and fused; divisions stay what they are.
_inner = njit(nogil=True, fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")


def apply(
    photos: ByteArray, params: FloatArray, crop: Size, size: Size, scale: FloatArray, shift: FloatArray
) -> Tensor:
    """uint8 photos -> what the model sees; `augment.apply` says how.

    Args:
        photos: uint8 [n, H, W, 3], any strides; only read.
        params: float32 [6, n], the rows in the order of `params.Params`.
        crop, size: (height, width) before and after the resize.
        scale, shift: float32 [3], the normalization as colour * scale + shift.

    Returns:
        float32 [n, 3, height, width] in channels_last memory.
    """
    n, height, width, _ = photos.shape
    crop, size = (crop[0], crop[1]), (size[0], size[1])  # numba does not take a torch.Size for a tuple
    pixels, steps = _bytes(photos)
    # NumPy asks for huge pages, which torch.empty does not: a thirtieth of the page faults, less than half their time.
    out = np.empty((n, *size, 3), dtype=np.float32)
    flat = out.reshape(n, size[0] * size[1] * 3)
    if size == crop:
        _augment(pixels, steps, (height, width), crop, params, scale, shift, flat)
    else:
        image = torch.empty((n, 3, *crop))
        _place_all(pixels, steps, (height, width), crop, params, image.flatten(2).numpy())
        image = F.interpolate(image, size=size, mode="bilinear", antialias=True, align_corners=False)
        _recolour_all(image.contiguous().flatten(2).numpy(), params, scale, shift, flat)
    return torch.from_numpy(out).permute(0, 3, 1, 2)


def _bytes(photos: ByteArray) -> tuple[ByteArray, Size]:
    """The memory that photos [n, H, W, 3] lie in, from the first byte to the last, and the steps to the next photo
    and row in it: one type of array for numba, whatever larger array they are a slice of."""
    n, height, width, _ = photos.shape
    photo, row, *pixel = photos.strides
    if photo < 0 or row < 0 or pixel != [3, 1]:
        photos, photo, row = np.ascontiguousarray(photos), height * width * 3, width * 3
    length = (n - 1) * photo + (height - 1) * row + width * 3 if n else 0
    return np.lib.stride_tricks.as_strided(photos, (length,), (1,), writeable=False), (photo, row)


@_inner
def _pack(pixels, start, step, height, width, flip, packed):
    """height x width pixels of three bytes -> words of `packed`, mirrored if `flip`, one row and column in."""
    for y in range(height):
        row, line = pixels[start + y * step : start + y * step + 3 * width], packed[y + 1]
        for x in range(width):
            red, green, blue = np.uint32(row[3 * x]), np.uint32(row[3 * x + 1]), np.uint32(row[3 * x + 2])
            line[width - x if flip else x + 1] = red | green << np.uint32(8) | blue << np.uint32(16)


@_inner
def _colour(word, bits):
    return np.float32(np.int32((word >> np.uint32(bits)) & _BYTE))


@_inner
def _exact(value):
    """value / 255 to the bit for whole values of 0..255, in less time than a division."""
    return np.float32(np.float64(value) * (1 / 255))


@_inner
def _mixed(words, bits, across, down):
    above, below = _colour(words[0], bits), _colour(words[2], bits)
    above += across * (_colour(words[1], bits) - above)
    below += across * (_colour(words[3], bits) - below)
    return (above + down * (below - above)) * np.float32(1 / 255)


@_inner
def _sample_row(packed, x, y, cos, sin, red, green, blue):
    """Bilinear samples from (x, y) on, in steps of (cos, sin) pixels of `packed`."""
    right, bottom = np.float32(packed.shape[1] - 2), np.float32(packed.shape[0] - 2)
    for i in range(len(red)):
        column = np.float32(np.int32(i))
        at_x = min(max(x + cos * column, _ZERO), right)
        at_y = min(max(y + sin * column, _ZERO), bottom)
        left, top = int(at_x), int(at_y)
        across, down = at_x - np.float32(left), at_y - np.float32(top)
        above, below = packed[top], packed[top + 1]
        words = above[left], above[left + 1], below[left], below[left + 1]
        red[i] = _mixed(words, 0, across, down)
        green[i] = _mixed(words, 8, across, down)
        blue[i] = _mixed(words, 16, across, down)


@_inner
def _copy_row(line, red, green, blue):
    for i in range(len(red)):
        word = line[i]
        red[i], green[i], blue[i] = _exact(_colour(word, 0)), _exact(_colour(word, 8)), _exact(_colour(word, 16))


@_inner
def _place(pixels, start, step, size, crop, angle, flip, packed, image):
    """One photo -> float32 [3, h * w] in 0..1: flipped, rotated about the centre, cropped."""
    (high, wide), (height, width) = size, crop
    top, left = (high - height) // 2, (wide - width) // 2
    if angle == 0:
        start += top * step + 3 * (wide - width - left if flip else left)
        _pack(pixels, start, step, height, width, flip, packed)
        for row in range(height):
            part = slice(row * width, (row + 1) * width)
            _copy_row(packed[row + 1][1 : width + 1], image[0][part], image[1][part], image[2][part])
        return
    _pack(pixels, start, step, high, wide, flip, packed)
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    x = left + 0.5 - wide / 2
    for row in range(height):
        y = row + top + 0.5 - high / 2
        # Half a pixel on to the index of a pixel, one back for the rim.
        from_x, from_y = cos * x - sin * y + wide / 2 + 0.5, sin * x + cos * y + high / 2 + 0.5
        part = slice(row * width, (row + 1) * width)
        _sample_row(
            packed,
            np.float32(from_x),
            np.float32(from_y),
            np.float32(cos),
            np.float32(sin),
            image[0][part],
            image[1][part],
            image[2][part],
        )


@_inner
def _unit(value):
    return min(max(value, _ZERO), _ONE)


@_inner
def _brighten(red, green, blue, factor):
    for i in range(len(red)):
        red[i], green[i], blue[i] = _unit(red[i] * factor), _unit(green[i] * factor), _unit(blue[i] * factor)


@_inner
def _grey(red, green, blue):
    return _RED * red + _GREEN * green + _BLUE * blue


@_inner
def _grey_sum(red, green, blue):
    total = _ZERO
    for i in range(len(red)):
        total += _grey(red[i], green[i], blue[i])
    return total


@_inner
def _contrast(red, green, blue, factor, mean):
    add = mean * (_ONE - factor)
    for i in range(len(red)):
        red[i] = _unit(red[i] * factor + add)
        green[i] = _unit(green[i] * factor + add)
        blue[i] = _unit(blue[i] * factor + add)


@_inner
def _saturate(red, green, blue, factor):
    for i in range(len(red)):
        add = _grey(red[i], green[i], blue[i]) * (_ONE - factor)
        red[i] = _unit(red[i] * factor + add)
        green[i] = _unit(green[i] * factor + add)
        blue[i] = _unit(blue[i] * factor + add)


@_inner
def _turn_hue(red, green, blue, sixths):
    """As `augment_torch._turn_hue`, with `sixths` of the wheel in 0..6."""
    for i in range(len(red)):
        r, g, b = red[i], green[i], blue[i]
        largest, smallest = max(max(r, g), b), min(min(r, g), b)
        chroma = largest - smallest
        per = _ONE / max(chroma, np.float32(1e-12))
        hue = (g - b) * per if largest == r else ((b - r) * per + _TWO if largest == g else (r - g) * per + _FOUR)
        hue += sixths
        hue = hue - _SIX if hue >= _SIX else hue
        hue = hue + _SIX if hue < _ZERO else hue
        red[i] = smallest + chroma * _unit(abs(hue - _THREE) - _ONE)
        green[i] = smallest + chroma * _unit(_TWO - abs(hue - _TWO))
        blue[i] = smallest + chroma * _unit(_TWO - abs(hue - _FOUR))


@_inner
def _write(red, green, blue, scale, shift, out):
    s0, s1, s2, t0, t1, t2 = scale[0], scale[1], scale[2], shift[0], shift[1], shift[2]
    for i in range(len(red)):
        out[3 * i], out[3 * i + 1], out[3 * i + 2] = red[i] * s0 + t0, green[i] * s1 + t1, blue[i] * s2 + t2


@_inner
def _recolour(image, brightness, contrast, saturation, hue, scale, shift, out):
    """One photo, float32 [3, h * w] in 0..1, which is overwritten -> [h * w * 3]: colour jitter, normalization."""
    n, total = image.shape[1], 0.0
    if brightness != 1 or contrast != 1:
        for start in range(0, n, _CHUNK):
            part = slice(start, min(start + _CHUNK, n))
            red, green, blue = image[0][part], image[1][part], image[2][part]
            if brightness != 1:
                _brighten(red, green, blue, brightness)
            if contrast != 1:
                total += _grey_sum(red, green, blue)
    mean = np.float32(total / n)
    for start in range(0, n, _CHUNK):
        part = slice(start, min(start + _CHUNK, n))
        red, green, blue = image[0][part], image[1][part], image[2][part]
        if contrast != 1:
            _contrast(red, green, blue, contrast, mean)
        if saturation != 1:
            _saturate(red, green, blue, saturation)
        if hue != 0:
            _turn_hue(red, green, blue, np.float32((6.0 * hue) % 6.0))
        _write(red, green, blue, scale, shift, out[3 * part.start : 3 * part.stop])


_SIZE = types.UniTuple(types.int64, 2)
_VECTOR, _TABLE, _IMAGES = types.float32[::1], types.float32[:, ::1], types.float32[:, :, ::1]
_PIXELS = types.Array(types.uint8, 1, "C", readonly=True)


def _compiled(*arguments: Any) -> Callable[[Any], Any]:
    """Compile at once, for these types; kept on disk where numba finds a folder that it may write to."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy"}

    def compile_now(function: Any) -> Any:
        try:
            return njit(types.void(*arguments), cache=True, **options)(function)
        except RuntimeError:  # there is none: compiled again in every process
            return njit(types.void(*arguments), **options)(function)

    return compile_now


@_compiled(_PIXELS, _SIZE, _SIZE, _SIZE, _TABLE, _IMAGES)
def _place_all(pixels, steps, size, crop, params, images):
    packed = np.zeros((size[0] + 3, size[1] + 3), np.uint32)
    for i in range(len(images)):
        _place(pixels, i * steps[0], steps[1], size, crop, params[0, i], params[1, i] != 0, packed, images[i])


@_compiled(_IMAGES, _TABLE, _VECTOR, _VECTOR, _TABLE)
def _recolour_all(images, params, scale, shift, out):
    for i in range(len(images)):
        _recolour(images[i], params[2, i], params[3, i], params[4, i], params[5, i], scale, shift, out[i])


@_compiled(_PIXELS, _SIZE, _SIZE, _SIZE, _TABLE, _VECTOR, _VECTOR, _TABLE)
def _augment(pixels, steps, size, crop, params, scale, shift, out):
    packed = np.zeros((size[0] + 3, size[1] + 3), np.uint32)
    image = np.empty((3, crop[0] * crop[1]), np.float32)
    for i in range(len(out)):
        _place(pixels, i * steps[0], steps[1], size, crop, params[0, i], params[1, i] != 0, packed, image)
        _recolour(image, params[2, i], params[3, i], params[4, i], params[5, i], scale, shift, out[i])
