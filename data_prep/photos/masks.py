"""What the masks of a dataset are like: how much of a photo they keep, and which of them are hard to believe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

EMPTY, FULL = 0.05, 0.95
"""A mask that keeps less, or more, of a photo than this is implausible for a portrait."""

PERCENTILES = (0, 5, 50, 95, 100)
_KEPT = 128


class Mask(NamedTuple):
    """A mask in figures.

    Attributes:
        coverage: share of the pixels, 0..1, that are kept: at least half lit.
        borders: how many of the photo's four borders the person touches.
    """

    coverage: float
    borders: int

    @classmethod
    def of(cls, mask: Image.Image) -> Mask:
        """Take the figures of an L image."""
        kept = sum(mask.histogram()[_KEPT:])
        width, height = mask.size
        edges = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height))
        touched = sum(any(mask.crop(edge).histogram()[_KEPT:]) for edge in edges)
        return cls(round(kept / (width * height), 4), touched)

    @property
    def fault(self) -> str | None:
        """Say why the mask is implausible; None where it is not."""
        if not EMPTY <= self.coverage <= FULL:
            return f"keeps {self.coverage:.1%} of the photo"
        return "touches every border" if self.borders == 4 else None


def summary(paths: Sequence[str], masks: Sequence[Mask]) -> dict[str, Any] | None:
    """Sum up the masks of photos `paths`, as in store.json; None where there are none.

    `coverage`: {percentile: share}; counts of masks that are almost empty, almost full, or touch every border; and
    `implausible`: {"path", "why"} of each such photo.
    """
    if not masks:
        return None
    coverage = np.array([mask.coverage for mask in masks])
    faults = {path: mask.fault for path, mask in zip(paths, masks, strict=True) if mask.fault}
    return {
        "coverage": {f"{p}%": round(float(np.percentile(coverage, p)), 4) for p in PERCENTILES},
        "almost_empty": int((coverage < EMPTY).sum()),
        "almost_full": int((coverage > FULL).sum()),
        "every_border": sum(mask.borders == 4 for mask in masks),
        "implausible": [{"path": path, "why": why} for path, why in faults.items()],
    }
