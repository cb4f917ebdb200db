"""What the masks of a dataset are like: how much of a photo they keep, and which of them are hard to believe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from common.errors import PhotoError
from data_prep.choices import KEEP, LEAVE_OUT, REMOVE

EMPTY, FULL = 0.05, 0.95
"""A mask that keeps less, or more, of a photo than this is implausible for a portrait."""

FACE = (0.3, 0.25, 0.7, 0.5)
"""Where a portrait has some of its face, however it is cut: left, top, right, bottom, as shares of the photo."""

FACELESS = 0.4
"""A mask that keeps less of FACE than this has taken something else for the person, such as the mask that it wears."""

UNDECIDED = 0.45
"""A mask of which a greater share is neither black nor white, where it is not black, shows a ghost."""

FACE_CROPS = 0.1
"""Share of implausible masks, 0..1, above which photos are taken for face crops."""

PERCENTILES = (0, 5, 50, 95, 100)
_SEEN, _KEPT, _SURE = 26, 128, 230


class Mask(NamedTuple):
    """A mask in figures.

    Attributes:
        coverage: share of the pixels, 0..1, that are kept: at least half lit.
        borders: how many of the photo's four borders the person touches.
        face: share of the pixels of FACE, 0..1, that are kept.
        undecided: share, 0..1, of the pixels that are not black (a tenth lit at most) that are not white either.
    """

    coverage: float
    borders: int
    face: float = 1.0
    undecided: float = 0.0

    @classmethod
    def of(cls, mask: Image.Image) -> Mask:
        """Take the figures of an L image."""
        lit = mask.histogram()
        kept, seen = sum(lit[_KEPT:]), sum(lit[_SEEN:])
        width, height = mask.size
        left, top, right, bottom = FACE
        face = (int(left * width), int(top * height), int(right * width) + 1, int(bottom * height) + 1)
        edges = ((0, 0, width, 1), (0, height - 1, width, height), (0, 0, 1, height), (width - 1, 0, width, height))
        touched = sum(any(mask.crop(edge).histogram()[_KEPT:]) for edge in edges)
        return cls(
            round(kept / (width * height), 4),
            touched,
            round(_share_kept(mask.crop(face)), 4),
            round(1 - sum(lit[_SURE:]) / seen, 4) if seen else 0.0,
        )

    @property
    def fault(self) -> str | None:
        """Say why the mask is implausible; None where it is not."""
        if not EMPTY <= self.coverage <= FULL:
            return f"keeps {self.coverage:.1%} of the photo"
        if self.borders == 4:
            return "touches every border"
        if self.undecided > UNDECIDED:
            return f"is undecided about {self.undecided:.0%} of what it shows"
        return f"keeps {self.face:.0%} of where a face is" if self.face < FACELESS else None


def _share_kept(mask: Image.Image) -> float:
    return sum(mask.histogram()[_KEPT:]) / (mask.width * mask.height)


class ImplausibleMask(PhotoError):
    """A photo that is left out because its mask is implausible, as was asked for.

    Attributes:
        mask: the one that is hard to believe.
    """

    def __init__(self, mask: Mask) -> None:
        super().__init__(f"implausible mask: {mask.fault}")
        self.mask = mask


def summary(paths: Sequence[str], masks: Sequence[Mask]) -> dict[str, Any] | None:
    """Sum up the masks of photos `paths`, as in store.json; None where there are none.

    `photos`: how many have one; `coverage`: {percentile: share}; counts of masks that are almost empty, almost full,
    touch every border, are undecided, or keep little of where a face is; and `implausible`: {"path", "why"} of each
    such photo.
    """
    if not masks:
        return None
    coverage = np.array([mask.coverage for mask in masks])
    faults = {path: mask.fault for path, mask in zip(paths, masks, strict=True) if mask.fault}
    return {
        "photos": len(masks),
        "coverage": {f"{p}%": round(float(np.percentile(coverage, p)), 4) for p in PERCENTILES},
        "almost_empty": int((coverage < EMPTY).sum()),
        "almost_full": int((coverage > FULL).sum()),
        "every_border": sum(mask.borders == 4 for mask in masks),
        "undecided": sum(mask.undecided > UNDECIDED for mask in masks),
        "faceless": sum(mask.face < FACELESS for mask in masks),
        "implausible": [{"path": path, "why": why} for path, why in faults.items()],
    }


def in_words(found: Mapping[str, Any], implausible: str, photos: int) -> list[str]:
    """Tell a person of a `summary`.

    Args:
        implausible: what was done with photos whose mask is.
        photos: how many the store has, for summaries of before, which do not say how many masks there were.
    """
    coverage, odd, masks = found["coverage"], len(found["implausible"]), found.get("photos", photos)
    treated = {KEEP: ": kept as they are", REMOVE: ": removed all the same", LEAVE_OUT: ": left out"}[implausible]
    lines = [
        f"masks keep {coverage['50%']:.0%} of a photo (90% of them {coverage['5%']:.0%} to {coverage['95%']:.0%}); "
        f"implausible {odd}{treated if odd else ''}"
    ]
    if odd > FACE_CROPS * masks:
        lines.append(
            f"{odd / masks:.0%} of the masks are implausible: these look like face crops, which have no background to "
            "remove. Prepare them with --background keep, in another --out, so that all are treated alike"
        )
    return lines
