"""Smooth curves in face coordinates, drawn with Pillow on a picture of any size.

Face coordinates are pixels of an upright 512x384 photo, counted from the centre of the head: x to the right, y down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

Points = npt.NDArray[np.float64]
Colour = tuple[float, float, float]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with a share 0..1 of `b` in it."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def shade(colour: Colour, factor: float) -> Colour:
    """`colour` made darker (below 1) or lighter (above)."""
    return (colour[0] * factor, colour[1] * factor, colour[2] * factor)


@lru_cache
def _basis(samples: int) -> Points:
    """Weights of a segment's four control points at its samples: float64 [samples, 4]."""
    t = np.arange(samples) / samples
    return 0.5 * np.stack([-t + 2 * t**2 - t**3, 2 - 5 * t**2 + 3 * t**3, t + 4 * t**2 - 3 * t**3, t**3 - t**2], axis=1)


def smooth(points: Sequence[tuple[float, float]] | Points, closed: bool = True, samples: int = 8) -> Points:
    """Catmull-Rom curve through the points: float64 [n, 2]."""
    p = np.asarray(points, dtype=np.float64)
    before, after = (p[-1:], p[:2]) if closed else (2 * p[:1] - p[1:2], 2 * p[-1:] - p[-2:-1])
    p = np.concatenate([before, p, after])
    segments = np.stack([p[:-3], p[1:-2], p[2:-1], p[3:]], axis=1)
    curve = (_basis(samples) @ segments).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-2:-1]])


def ellipse(x: float, y: float, rx: float, ry: float, n: int = 28) -> Points:
    t = np.linspace(0, 2 * math.pi, n, endpoint=False)
    return np.stack([x + rx * np.cos(t), y + ry * np.sin(t)], axis=1)


def stroke(points: Points, width: float, taper: float = 0.6) -> Points:
    """Outline of a brush stroke along an open curve, thin at its ends (`taper` 0: even)."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    along = padded[2:] - padded[:-2]
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / (np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9)
    half = (
        normal
        * (width / 2 * np.maximum(np.sin(math.pi * np.arange(len(points)) / (len(points) - 1)), 0.04) ** taper)[:, None]
    )
    return np.concatenate([points + half, (points - half)[::-1]])


@dataclass(frozen=True)
class Pose:
    """Where a head is in the picture.

    Attributes:
        x, y: its centre, in pixels of the 512x384 photo.
        zoom: its size, 1 is the size it is described in.
        tilt: radians, clockwise.
        turn: pixels by which what is in front (depth 1) moves sideways.
        nod: pixels by which it moves down.
    """

    x: float
    y: float
    zoom: float = 1.0
    tilt: float = 0.0
    turn: float = 0.0
    nod: float = 0.0

    def place(self, points: Points, depth: float = 0.0) -> Points:
        """Face coordinates -> pixels of the 512x384 photo."""
        x, y = points[:, 0] + self.turn * depth, points[:, 1] + self.nod * depth
        cos, sin = math.cos(self.tilt) * self.zoom, math.sin(self.tilt) * self.zoom
        return np.stack([self.x + x * cos - y * sin, self.y + x * sin + y * cos], axis=1)


class Canvas:
    """Draws on an RGB picture `scale` times the size of the photo."""

    def __init__(self, image: Image.Image, pose: Pose, scale: float = 1.0) -> None:
        self.image, self.pose, self.scale = image, pose, scale
        self.opaque = ImageDraw.Draw(image)
        self.glaze = ImageDraw.Draw(image, "RGBA") if image.mode == "RGB" else self.opaque

    def at(self, pose: Pose) -> Canvas:
        """Draw on this picture with another pose."""
        return type(self)(self.image, pose, self.scale)

    def _ink(self, colour: Colour, alpha: float) -> Any:
        return (*(round(min(max(c, 0), 255)) for c in colour), round(255 * min(max(alpha, 0), 1)))

    def _placed(self, points: Points, depth: float) -> Points:
        return self.pose.place(points, depth) * self.scale

    def fill(self, points: Points, colour: Colour, alpha: float = 1.0, depth: float = 0.0) -> None:
        pen = self.opaque if alpha >= 1 else self.glaze  # blending takes longer
        pen.polygon(self._placed(points, depth).ravel().tolist(), fill=self._ink(colour, alpha))

    def brush(
        self,
        points: Sequence[tuple[float, float]],
        colour: Colour,
        width: float,
        alpha: float = 1.0,
        depth: float = 0.0,
        taper: float = 0.6,
    ) -> None:
        """A stroke along a smooth open curve through the points."""
        if alpha <= 0:
            return
        self.fill(stroke(smooth(points, closed=False, samples=6), width, taper), colour, alpha, depth)

    def soft(self, points: Points, colour: Colour, strength: float, blur: float, depth: float = 0.0) -> None:
        """A filled curve with edges blurred over `blur` face pixels; `strength` 0..1 is its opacity."""
        if strength <= 0:
            return
        radius = blur * self.pose.zoom * self.scale
        if radius < 1.5:  # nobody sees the difference, and it takes a tenth of the time
            self.fill(points, colour, 0.7 * strength, depth)
            return
        shrink = max(1.0, radius / 2)
        placed = self._placed(points, depth)
        low, high = placed.min(axis=0) - 2.5 * radius, placed.max(axis=0) + 2.5 * radius
        left, top = (math.floor(v) for v in low)
        width, height = (max(2, math.ceil(v / shrink)) for v in high - low)
        veil = Image.new("L", (width, height))
        ink = round(255 * min(max(strength, 0), 1))
        ImageDraw.Draw(veil).polygon(((placed - (left, top)) / shrink).ravel().tolist(), fill=ink)
        veil = veil.filter(ImageFilter.GaussianBlur(radius / shrink))
        veil = veil.resize((round(width * shrink), round(height * shrink)), Image.Resampling.BILINEAR)
        self.image.paste(self._ink(colour, 1)[:3], (left, top), veil)


class Silhouette(Canvas):
    """Draws everything in white on a black picture of mode L: the portrait's true mask."""

    def _ink(self, colour: Colour, alpha: float) -> Any:
        return 255

    def soft(self, points: Points, colour: Colour, strength: float, blur: float, depth: float = 0.0) -> None:
        pass
