"""The transforms of `winograd`, compiled by numba: images to tiles, and tiles to images.

Both work on a row of tiles at a time and in long loops: the columns of a row of pixels are sorted by their place in a
tile, so that what is added up for all tiles of a row lies side by side. Both are serial and let go of the GIL.
"""

# mypy: allow-untyped-defs
# (numba infers the types of compiled functions.)

from __future__ import annotations

import numpy as np
from numba import njit

_inner = njit(nogil=True, fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
_compiled = njit(nogil=True, fastmath={"contract", "reassoc", "nsz"}, error_model="numpy", cache=True)
_U = np.uint64


@_compiled
def to_tiles(images, size, matrix, first, last, tiles):
    """Cut rows of tiles, two pixels more than they count for on each side, and transform them.

    Args:
        images: float32 [n * height * width * channels].
        size: (height, width, channels).
        matrix: float32 [m + 2, 6], filled up with zeros.
        first, last: which rows of tiles of all images.
        tiles: float32 [(m + 2)^2 * rows * tiles in a row * channels], which is written.
    """
    height, width, channels = size
    n = len(matrix)
    m = n - 2
    rows, columns = -(-height // m), -(-width // m)
    length = columns * channels
    place = length + channels  # all columns of one place in a tile, and one more for what tiles share
    line = m * place
    pixels, mixed = np.zeros(n * line, np.float32), np.empty(n * line, np.float32)
    step = len(tiles) // n**2
    for index in range(first, last):
        image, top = index // rows, index % rows * m - 1
        for i in range(n):
            _sort(pixels, i * line, place, images, image, top + i, size, m)
        for i in range(n):
            _add_up(mixed, i * line, pixels, _each(0, line), _row(matrix, i), line)
        to = (index - first) * length
        for i in range(n):
            start = i * line
            starts = (
                start,
                start + place,
                start + 2 * place,
                start + 3 % m * place + 3 // m * channels,
                start + 4 % m * place + 4 // m * channels,
                start + 5 % m * place + 5 // m * channels,
            )
            for k in range(n):
                _add_up(tiles, to + (i * n + k) * step, mixed, starts, _row(matrix, k), length)


@_compiled
def to_images(tiles, size, matrix, first, last, images):
    """Transform rows of tiles, and put them side by side; the arguments are as for `to_tiles`, but:

    matrix: float32 [m, 6].
    images: is written.
    """
    height, width, channels = size
    m = len(matrix)
    n = m + 2
    rows, columns = -(-height // m), -(-width // m)
    length = columns * channels
    mixed = np.empty(n * length, np.float32)
    step = len(tiles) // n**2
    for index in range(first, last):
        image, top = index // rows, index % rows * m
        start = (index - first) * length
        for i in range(min(m, height - top)):
            for k in range(n):
                starts = _each(start + k * step, n * step)
                _add_up(mixed, k * length, tiles, starts, _row(matrix, i), length)
            to = (image * height + top + i) * width * channels
            for x in range(width):
                starts = _each(x // m * channels, length)
                _add_up(images, to + x * channels, mixed, starts, _row(matrix, x % m), channels)


@_inner
def _sort(pixels, start, place, images, image, y, size, m):
    """Copy a row of an image, one pixel in, its columns sorted by their place in a tile; zeros for a row outside."""
    height, width, channels = size
    if not 0 <= y < height:
        pixels[start : start + m * place] = 0
        return
    source = (image * height + y) * width * channels
    for x in range(1, width + 1):
        to = start + x % m * place + x // m * channels
        for i in range(_U(channels)):
            pixels[_U(to) + i] = images[_U(source) + i]
        source += channels


@_inner
def _add_up(out, to, source, starts, weights, length):
    """Add up six parts of `source`, weighted; indices without a sign, or numba would look at each whether it counts
    from the end."""
    to, s0, s1, s2, s3, s4, s5 = (
        _U(to),
        _U(starts[0]),
        _U(starts[1]),
        _U(starts[2]),
        _U(starts[3]),
        _U(starts[4]),
        _U(starts[5]),
    )
    w0, w1, w2, w3, w4, w5 = weights
    if w5 == 0:  # where there are but five, as often
        for i in range(_U(length)):
            total = w0 * source[s0 + i] + w1 * source[s1 + i] + w2 * source[s2 + i] + w3 * source[s3 + i]
            out[to + i] = total + w4 * source[s4 + i]
    else:
        for i in range(_U(length)):
            total = w0 * source[s0 + i] + w1 * source[s1 + i] + w2 * source[s2 + i] + w3 * source[s3 + i]
            out[to + i] = total + w4 * source[s4 + i] + w5 * source[s5 + i]


@_inner
def _each(start, step):
    return start, start + step, start + 2 * step, start + 3 * step, start + 4 * step, start + 5 * step


@_inner
def _row(matrix, i):
    return matrix[i, 0], matrix[i, 1], matrix[i, 2], matrix[i, 3], matrix[i, 4], matrix[i, 5]
