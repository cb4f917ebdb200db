"""What is known of a photo: how the mask is worn, the gender, the age and its band.

Labels travel as small integers in NumPy arrays; `MISSING` (-1) is a label that nobody gave.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MASKS = ("worn", "incorrect", "none")
GENDERS = ("male", "female")
N_BANDS = 3
SPLITS = ("train", "val", "test")

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


def band_name(band: int, bands: tuple[int, int] = OFFICIAL_BANDS) -> str:
    """Name a band: `band_name(1)` is "30-59"."""
    return (f"<{bands[0]}", f"{bands[0]}-{bands[1] - 1}", f">={bands[1]}")[band]
