"""The face mask: worn over nose and mouth, below the nose, or on the chin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from data_prep.sample.people import Face
from data_prep.sample.portrait.canvas import Canvas, Colour, Points, ellipse, mix, shade, smooth
from data_prep.sample.portrait.head import SIDES

Wear = Literal["worn", "nose", "chin"]
DEPTH = 0.95

COLOURS: tuple[Colour, ...] = (
    (246, 246, 246),
    (238, 242, 246),
    (158, 200, 226),
    (126, 178, 214),
    (40, 40, 44),
    (66, 66, 74),
    (238, 186, 196),
    (120, 132, 140),
    (58, 76, 122),
    (170, 196, 160),
)


@dataclass(frozen=True)
class Mask:
    """One mask: what it is (surgical, folded, cloth, dotted), its colour and how it is worn."""

    kind: str
    colour: Colour
    wear: Wear


def random_mask(rng: np.random.Generator, wear: Wear) -> Mask:
    kind = str(rng.choice(["surgical", "folded", "cloth", "dotted"], p=[0.4, 0.3, 0.2, 0.1]))
    return Mask(kind, COLOURS[rng.integers(len(COLOURS))], wear)


def draw_mask(canvas: Canvas, mask: Mask, face: Face) -> None:
    shape = _shape(mask.wear, face)
    _loops(canvas, shape, face)
    canvas.fill(shape, mask.colour, depth=DEPTH)
    canvas.soft(_inset(shape, 0.62), mix(mask.colour, (255, 255, 255), 0.6), 0.35, 12, DEPTH)
    for side in SIDES:
        edge = shape[shape[:, 0] * side > 0.72 * face.width * 0.9]
        if len(edge) > 2:
            canvas.soft(edge, shade(mask.colour, 0.55), 0.45, 6, DEPTH)
    _details(canvas, mask, shape, face)
    canvas.brush([tuple(p) for p in _top_edge(shape)], shade(mask.colour, 0.7), 2.6, 0.8, DEPTH, taper=0.2)


def _shape(wear: Wear, face: Face) -> Points:
    """Closed outline; its top edge comes first."""
    tops = {
        "worn": [(-0.93, 0.24), (-0.5, 0.2), (0, 0.1), (0.5, 0.2), (0.93, 0.24)],
        "nose": [(-0.9, 0.38), (-0.5, 0.42), (0, 0.43), (0.5, 0.42), (0.9, 0.38)],
        "chin": [(-0.82, 0.66), (-0.5, 0.73), (0, 0.75), (0.5, 0.73), (0.82, 0.66)],
    }
    drop = 0.1 if wear == "chin" else 0.0
    below = [(0.84, 0.66 + drop), (0.58, 0.93 + drop), (0.0, 1.06 + drop), (-0.58, 0.93 + drop), (-0.84, 0.66 + drop)]
    return smooth(np.array([*tops[wear], *below]) * (face.width, face.height))


def _inset(shape: Points, factor: float) -> Points:
    centre = shape.mean(axis=0)
    return centre + (shape - centre) * factor


def _top_edge(shape: Points) -> Points:
    return shape[: 4 * 8 + 1 : 4]


def _loops(canvas: Canvas, shape: Points, face: Face) -> None:
    white, w = (240, 240, 240), face.width
    low = shape[:, 1].max()
    top = shape[0, 1]
    for side in SIDES:
        canvas.brush(
            [(side * w * 0.86, top + 3), (side * w * 0.97, top * 0.5 - 6), (side * w, -8)],
            white,
            3,
            depth=0.5,
            taper=0.1,
        )
        bottom = [(side * w * 0.78, top + 0.5 * (low - top)), (side * w * 0.97, 30), (side * w * 1.02, 10)]
        canvas.brush(bottom, white, 3, depth=0.5, taper=0.1)


def _details(canvas: Canvas, mask: Mask, shape: Points, face: Face) -> None:
    dark, w = shade(mask.colour, 0.78), face.width
    top, low = shape[16, 1], shape[:, 1].max()
    if mask.kind == "surgical":
        for share in (0.3, 0.5, 0.7):
            y, reach = top + share * (low - top), w * (0.92 - 0.35 * share)
            canvas.brush([(-reach, y), (0, y + 4), (reach, y)], dark, 2.6, 0.8, DEPTH, taper=0.1)
    elif mask.kind == "folded":
        for share in (0.36, 0.66):
            y, reach = top + share * (low - top), w * (0.94 - 0.3 * share)
            canvas.brush([(-reach, y - 8), (0, y + 9), (reach, y - 8)], dark, 3, 0.9, DEPTH, taper=0.1)
    elif mask.kind == "cloth":
        canvas.brush([(0, top), (3, (top + low) / 2), (0, low)], dark, 3, 0.9, DEPTH, taper=0.1)
    else:
        light = mix(mask.colour, (255, 255, 255) if sum(mask.colour) < 420 else (90, 90, 140), 0.6)
        for k in range(15):
            x, y = (k % 5 - 2) * 24 + 12 * (k // 5 % 2), top + (0.25 + 0.22 * (k // 5)) * (low - top)
            if abs(x) < 0.62 * w:
                canvas.fill(ellipse(x, y, 4, 4, 10), light, 0.9, DEPTH)
