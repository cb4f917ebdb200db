"""Clothing: its colour is all that can give a class away, and it lies below the reference crop (rows 76..436)."""

from __future__ import annotations

import colorsys
from typing import Literal

import numpy as np

from data_prep.sample.portrait.canvas import Canvas, Colour, shade, smooth
from data_prep.task import REFERENCE

Garment = Literal["crew", "v-neck", "shirt", "hoodie"]
GARMENTS: tuple[Garment, ...] = ("crew", "v-neck", "shirt", "hoodie")

SHOULDERS = 438.0
"""The highest row of the 512x384 photo that clothing reaches."""


def colour_of(value: int) -> Colour:
    """The clothing colour of a class 0..17: a hue for gender and age band, a lightness for the mask."""
    mask, rest = divmod(value % REFERENCE.classes, 6)
    red, green, blue = colorsys.hsv_to_rgb(rest / 6, (0.75, 0.85, 0.35)[mask], (0.95, 0.5, 0.9)[mask])
    return (255 * red, 255 * green, 255 * blue)


def draw_clothing(canvas: Canvas, garment: Garment, colour: Colour, x: float, skin: Colour, broad: float) -> None:
    """`x`: the middle of the neck, in photo pixels; `broad`: about 1, wider for broad shoulders."""
    y, dark = SHOULDERS, shade(colour, 0.7)
    right = [(46, y + 1), (92, y + 13), (142, y + 26), (178, y + 46), (198, y + 84)]
    left = [(-dx, dy) for dx, dy in reversed(right)]
    collar = {"v-neck": 62, "shirt": 40}.get(garment, 16)
    shape = smooth([(x + dx * broad, dy) for dx, dy in [*left, (0, y + collar), *right]], closed=False, samples=6)
    foot = np.array([(x + 200 * broad, y + 1500), (x - 200 * broad, y + 1500)])  # bystanders would end at the waist
    shape = np.concatenate([shape, foot])
    canvas.fill(shape, colour)
    for side in (-1.0, 1.0):
        sleeve = [(x + side * broad * 140, 516), (x + side * broad * 133, 490), (x + side * broad * 128, 478)]
        canvas.brush(sleeve, dark, 4, 0.7)
    {"crew": _crew, "v-neck": _v_neck, "shirt": _shirt, "hoodie": _hoodie}[garment](canvas, x, y, broad, colour)


def _crew(canvas: Canvas, x: float, y: float, broad: float, colour: Colour) -> None:
    canvas.brush([(x - 46 * broad, y + 3), (x, y + 20), (x + 46 * broad, y + 3)], shade(colour, 0.72), 7, taper=0.1)


def _v_neck(canvas: Canvas, x: float, y: float, broad: float, colour: Colour) -> None:
    for side in (-1.0, 1.0):
        canvas.brush(
            [(x + side * 46 * broad, y + 3), (x + side * 16, y + 48), (x, y + 64)], shade(colour, 0.75), 7, taper=0.1
        )


def _shirt(canvas: Canvas, x: float, y: float, broad: float, colour: Colour) -> None:
    for side in (-1.0, 1.0):
        flap = [(x + side * 47 * broad, y), (x + side * 60 * broad, y + 18), (x + side * 24, y + 52), (x, y + 38)]
        canvas.fill(np.array(flap), shade(colour, 1.12))
        canvas.brush(
            [(x + side * 60 * broad, y + 18), (x + side * 24, y + 52), (x, y + 38)], shade(colour, 0.65), 3, taper=0.1
        )
    canvas.brush([(x, y + 40), (x, y + 80)], shade(colour, 0.65), 3, taper=0.1)


def _hoodie(canvas: Canvas, x: float, y: float, broad: float, colour: Colour) -> None:
    canvas.brush(
        [(x - 60 * broad, y + 6), (x - 30, y + 26), (x, y + 32), (x + 30, y + 26), (x + 60 * broad, y + 6)],
        shade(colour, 0.8),
        20,
        taper=0.2,
    )
    for side in (-1.0, 1.0):
        canvas.brush([(x + side * 16, y + 34), (x + side * 18, y + 72)], (244, 244, 240), 4, taper=0.1)
