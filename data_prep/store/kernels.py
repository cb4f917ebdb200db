"""Loops that NumPy has no quick way to say, compiled by numba; importing this takes half a second."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from data_prep.store.shards import Photos

LANES = 48
"""Bytes summed side by side: whole pixels, and whole vector registers."""

_ROWS = 2**15
"""Rows whose sum of squares, at most 255**2 each, fits in 32 bits."""


@numba.njit(nogil=True, cache=True)
def sums(rows: Photos) -> npt.NDArray[np.uint64]:
    """Sum up bytes, uint8 [n, 48] -> uint64 [2, 48]: each column, and its squares."""
    total = np.zeros((2, LANES), np.uint64)
    for start in range(0, len(rows), _ROWS):
        sum_, squares = np.zeros(LANES, np.uint32), np.zeros(LANES, np.uint32)
        for i in range(start, min(start + _ROWS, len(rows))):
            for j in range(LANES):
                value = np.uint32(rows[i, j])
                sum_[j] += value
                squares[j] += value * value
        for j in range(LANES):
            total[0, j] += sum_[j]
            total[1, j] += squares[j]
    return total
