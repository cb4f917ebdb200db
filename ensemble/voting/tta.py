"""Views for test-time augmentation: a fixed list, the plain photo first."""

from __future__ import annotations

from common.errors import EnsembleError
from trainable.photos.views import View

NAMES = (
    "plain",
    "flip",
    "rotate+6",
    "flip, rotate-6",
    "scale+6",
    "flip, scale-6",
    "right+4",
    "flip, right-4",
    "down+4",
    "flip, down-4",
    "rotate-6",
    "flip, rotate+6",
    "scale-6",
    "flip, scale+6",
    "right-4",
    "flip, right+4",
)
"""Training rotates by up to 15 degrees and flips; it shifts and scales nothing, so that little of both is asked for."""


def views(n: int) -> tuple[View, ...]:
    """List the first n views: more refine a prediction, they do not replace any.

    Raises:
        EnsembleError: there are not so many.
    """
    if not 1 <= n <= len(NAMES):
        raise EnsembleError(f"--tta: 1 to {len(NAMES)} views can be had, but got {n}; 1 is the plain photo alone")
    return tuple(View.named(name) for name in NAMES[:n])
