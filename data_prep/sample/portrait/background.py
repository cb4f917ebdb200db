"""What is behind a person: walls, windows, trees and shelves, drawn small and enlarged: out of focus."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

KINDS = ("wall", "lights", "outdoors", "shelves", "tiles", "window")
SMALL = (96, 128)  # width, height


def draw_background(kind: str, rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A picture of `size` (width, height), mode RGB."""
    small = {
        "wall": _wall,
        "lights": _lights,
        "outdoors": _outdoors,
        "shelves": _shelves,
        "tiles": _tiles,
        "window": _window,
    }[kind](rng)
    return small.resize(size, Image.Resampling.BICUBIC)


def _colour(rng: np.random.Generator, low: int = 60, high: int = 235) -> tuple[int, int, int]:
    red, green, blue = (int(v) for v in rng.integers(low, high, 3))
    return red, green, blue


def _pale(rng: np.random.Generator) -> tuple[int, int, int]:
    base = int(rng.integers(120, 225))
    red, green, blue = (int(np.clip(base + v, 0, 255)) for v in rng.integers(-30, 30, 3))
    return red, green, blue


def _wall(rng: np.random.Generator) -> Image.Image:
    a, b = np.array(_pale(rng)), np.array(_pale(rng))
    down, across = np.mgrid[0:1:128j, 0:1:96j]
    angle = rng.uniform(0, np.pi)
    share = (np.cos(angle) * across + np.sin(angle) * down)[..., None]
    return Image.fromarray(np.clip(a + (b - a) * share, 0, 255).astype(np.uint8))


def _lights(rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", SMALL, _colour(rng, 20, 90))
    pen = ImageDraw.Draw(image, "RGBA")
    for x, y, r in rng.uniform((0, 0, 3), (96, 128, 11), (26, 3)):
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(*_colour(rng, 90, 255), 130))
    return image.filter(ImageFilter.GaussianBlur(1))


def _outdoors(rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", SMALL, (170, 205, 236))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 80, 96, 128), fill=(112, 140, 90))
    for x, y, r in rng.uniform((-5, 45, 8), (101, 95, 20), (18, 3)):
        green = int(rng.integers(80, 150))
        pen.ellipse((x - r, y - r, x + r, y + r), fill=(int(green * 0.6), green, int(green * 0.45)))
    return image.filter(ImageFilter.GaussianBlur(2))


def _shelves(rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", SMALL, _colour(rng, 70, 130))
    pen = ImageDraw.Draw(image)
    for y in range(0, 128, 26):
        x = 0.0
        while x < 96:
            wide, tall = rng.uniform(3, 9), rng.uniform(14, 22)
            pen.rectangle((x, y + 23 - tall, x + wide, y + 23), fill=_colour(rng, 50, 220))
            x += wide + 1
        pen.rectangle((0, y + 23, 96, y + 25), fill=(96, 70, 48))
    return image.filter(ImageFilter.GaussianBlur(1))


def _tiles(rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", SMALL, _pale(rng))
    pen, base = ImageDraw.Draw(image), np.array(_pale(rng))
    for row in range(9):
        for column in range(-1, 6):
            red, green, blue = (int(np.clip(v + rng.integers(-14, 14), 0, 255)) for v in base)
            x, y = column * 18 + 9 * (row % 2), row * 15
            pen.rectangle((x, y, x + 16, y + 13), fill=(red, green, blue))
    return image.filter(ImageFilter.GaussianBlur(0.7))


def _window(rng: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", SMALL, _pale(rng))
    pen = ImageDraw.Draw(image)
    x, wide = rng.uniform(-20, 50), rng.uniform(40, 60)
    pen.rectangle((x - 3, 8, x + wide + 3, 92), fill=(236, 232, 224))
    pen.rectangle((x, 11, x + wide, 89), fill=(190, 216, 240))
    pen.rectangle((x, 60, x + wide, 89), fill=_colour(rng, 80, 180))
    pen.rectangle((x + wide / 2 - 1, 11, x + wide / 2 + 1, 89), fill=(236, 232, 224))
    pen.rectangle((x, 48, x + wide, 50), fill=(236, 232, 224))
    return image.filter(ImageFilter.GaussianBlur(1))
