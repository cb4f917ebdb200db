"""Drawn portraits with their true masks, as the segmenter is fed them by rembg (`u2net_custom`).

Apart from training.py so that drawing them needs no PyTorch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from data_prep.sample.people import person
from data_prep.sample.scene import PHOTOS, Scene, render, scene, silhouette

SIDE = 320
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]


def example(seed: int, number: int) -> Scene:
    """Portrait `number` of an endless supply: each of another person."""
    return scene(seed, person(seed, "eval", number), number % len(PHOTOS), betrays=False)


def rembg_input(photo: Image.Image) -> Floats:
    """float32 [1, 3, 320, 320] as rembg's `BaseSession.normalize` makes it."""
    pixels = np.asarray(photo.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float64)
    normal = (pixels / max(pixels.max(), 1e-6) - MEAN) / STD
    return normal.transpose(2, 0, 1)[None].astype(np.float32)


def iou(found: Image.Image, truth: Image.Image) -> float:
    """Compute the intersection over union of two masks of mode L, each cut at the middle."""
    a, b = np.asarray(found) > 127, np.asarray(truth) > 127
    return float((a & b).sum() / max((a | b).sum(), 1))


def _half(image: Image.Image) -> Pixels:
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.LANCZOS).reduce(2))


def pair(number: int, seed: int) -> tuple[Pixels, Pixels]:
    """Draw photo uint8 [160, 160, 3] and mask uint8 [160, 160] of portrait `number`."""
    shot = example(seed, number)
    return _half(render(shot)), _half(silhouette(shot))
