"""Which photos are nearly the same: scaled, saved again, lighter, darker, marked, or mirrored copies of one.

A photo is known by imagehash's pHash of 16 x 16 bits: the signs of its lowest frequencies about their median. Copies
that are turned, or cut differently, are not found.

NEAR was chosen on public photos, at 64x64. Of the 47,809,531 pairs of 9,779 aligned faces (UTKFace), 276 differ in at
most 16 of the 256 bits, 325 in at most 32, 343 in at most 48; all those looked at, up to 44 bits, were copies. Beyond
56 bits their number explodes. pHash's usual 64 bits have no such gap: aligned faces look alike to them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from data_prep.workers import passing

SIDE = 16
NEAR = 32
"""Bits that two hashes may differ in, of SIDE * SIDE."""

_BLOCK = 256
_FEWEST = SIDE * SIDE // 4
"""Bits that are set at least: half of them are, about their median, but in a photo of one colour."""

Hash = npt.NDArray[np.bool_]
_ODD = np.arange(SIDE * SIDE) % 2 == 1
"""Waves along a row that a mirror turns round."""


def phash(photo: Image.Image) -> Hash | None:
    """Hash a photo: bool [SIDE * SIDE]; None where there is nothing to see on it."""
    import imagehash  # it imports SciPy, which few commands need

    bits: Hash = imagehash.phash(photo, hash_size=SIDE).hash.reshape(-1)
    return bits if bits.sum() >= _FEWEST else None


def pairs(hashes: Sequence[Hash | None]) -> Iterator[tuple[int, int]]:
    """Yield the positions (i < j) of every two photos that are near, or are when one of them is mirrored."""
    known = np.array([i for i, bits in enumerate(hashes) if bits is not None], dtype=np.int64)
    if not known.size:
        return
    signs = np.where(np.stack([hashes[i] for i in known]), np.float32(1), np.float32(-1))
    least = SIDE * SIDE - 2 * NEAR  # of a dot product: what agrees, less what differs
    mirrored = np.where(_ODD, -signs, signs)
    for start in passing(range(0, len(known), _BLOCK), "comparing"):
        block = signs[start : start + _BLOCK]
        near = (block @ signs[start:].T >= least) | (block @ mirrored[start:].T >= least)
        for i, j in zip(*np.nonzero(np.triu(near, 1)), strict=True):
            yield int(known[start + i]), int(known[start + j])
