"""Makes a process ready when it imports this: numba takes a second for the first photo, and none for those after it."""

from __future__ import annotations

import numpy as np

from data_prep.photos.resample import resampled
from data_prep.store.moments import Moments

Moments.of(resampled(np.zeros((16, 16, 3), np.uint8), 8, 8, (0.0, 0.0, 16.0, 16.0)))
