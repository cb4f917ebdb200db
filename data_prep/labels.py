"""The 18 classes: mask x gender x age band, `class = mask*6 + gender*3 + band`.

Labels travel as small integers in NumPy arrays; `MISSING` (-1) is a label that nobody gave.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MASKS = ("worn", "incorrect", "none")
GENDERS = ("male", "female")
N_BANDS = 3
N_CLASSES = len(MASKS) * len(GENDERS) * N_BANDS

OFFICIAL_BANDS = (30, 60)
"""First age of the middle band and first age of the old band: <30, 30-59, >=60."""

MISSING = -1

IntArray = npt.NDArray[np.int64]


def age_band(age: npt.ArrayLike, bands: tuple[int, int] = OFFICIAL_BANDS) -> IntArray:
    """Band ages in years -> 0, 1 or 2; MISSING stays MISSING. `bands` are the first ages of bands 1 and 2."""
    ages = np.asarray(age)
    return np.where(ages == MISSING, MISSING, np.digitize(ages, bands)).astype(np.int64)


def band_of_range(lowest: npt.ArrayLike, highest: npt.ArrayLike, bands: tuple[int, int] = OFFICIAL_BANDS) -> IntArray:
    """Band ages known as ranges, both ends included -> 0, 1 or 2; MISSING where a threshold lies within."""
    low, high = age_band(lowest, bands), age_band(highest, bands)
    return np.where(low == high, low, MISSING)


def encode(mask: npt.ArrayLike, gender: npt.ArrayLike, band: npt.ArrayLike) -> IntArray:
    """Encode three label arrays of one shape -> classes 0..17, MISSING where any of the three is."""
    parts = [np.asarray(part, dtype=np.int64) for part in (mask, gender, band)]
    missing = np.any([part == MISSING for part in parts], axis=0)
    return np.where(missing, MISSING, parts[0] * 6 + parts[1] * 3 + parts[2])


def decode(classes: npt.ArrayLike) -> tuple[IntArray, IntArray, IntArray]:
    """Decode classes 0..17 -> (mask, gender, band)."""
    values = np.asarray(classes, dtype=np.int64)
    return values // 6, values // 3 % 2, values % 3


def band_name(band: int, bands: tuple[int, int] = OFFICIAL_BANDS) -> str:
    """Name a band: `band_name(1)` is "30-59"."""
    return (f"<{bands[0]}", f"{bands[0]}-{bands[1] - 1}", f">={bands[1]}")[band]


def class_name(value: int, bands: tuple[int, int] = OFFICIAL_BANDS) -> str:
    """Name a class: `class_name(17)` is "none female >=60"."""
    mask, gender, band = (int(part) for part in decode(value))
    return f"{MASKS[mask]} {GENDERS[gender]} {band_name(band, bands)}"
