"""Head, ears and neck: skin, its light and shadow, and the lines that age draws into it."""

from __future__ import annotations

import numpy as np

from data_prep.sample.people import Face, Person
from data_prep.sample.portrait.canvas import Canvas, Points, ellipse, mix, shade, smooth

SIDES = (-1.0, 1.0)
OUTLINE_DEPTH = 0.25


def outline(face: Face) -> Points:
    """The face from the crown round the chin, closed."""
    w, h, jaw, chin = face.width, face.height, face.jaw, face.chin
    right = [(0.5, -0.93), (0.86, -0.62), (0.98, -0.22), (0.97, 0.12), (0.9, 0.42), (jaw, 0.7), (chin, 0.95)]
    points = [(0.0, -1.0), *right, (0.0, 1.0), *((-x, y) for x, y in reversed(right))]
    return smooth(np.array(points) * (w, h))


def neck(canvas: Canvas, who: Person) -> None:
    face, skin = who.face, shade(who.skin, 0.93)
    half, top, bottom = face.width * face.neck, 0.55 * face.height, 240.0
    canvas.fill(np.array([(-half, top), (half, top), (half * 1.06, bottom), (-half * 1.06, bottom)]), skin)
    for k in range(4):  # the chin's shadow, in steps: a soft one would fall on what is behind the neck
        edge = [(-half, face.height * 0.88 + 7 * k), (0, face.height + 7 + 7 * k), (half, face.height * 0.88 + 7 * k)]
        canvas.fill(np.array([(-half, top), *smooth(edge, closed=False), (half, top)]), shade(skin, 0.55), 0.15)
    for k in range(2):
        y = face.height + 28 + 16 * k
        line = [(-half * 0.7, y - 3), (0, y + 3), (half * 0.7, y - 4)]
        canvas.brush(line, shade(who.skin, 0.62), 3.4, 0.75 * max(who.ageing.wrinkles - 0.3, 0))


def ears(canvas: Canvas, who: Person) -> None:
    w = who.face.width
    for side in SIDES:
        canvas.fill(ellipse(side * w * 0.99, 8, 12, 24 + 4 * who.ageing.sagging), shade(who.skin, 0.9))
        canvas.brush([(side * w, -6), (side * (w + 5), 4), (side * (w + 1), 20)], shade(who.skin, 0.68), 3, 0.7)
        if who.earrings:
            canvas.fill(ellipse(side * (w + 2), 36, 4.2, 4.2, 12), (236, 206, 110))


def head(canvas: Canvas, who: Person) -> None:
    shape, skin, w, h = outline(who.face), who.skin, who.face.width, who.face.height
    canvas.fill(shape, skin, depth=OUTLINE_DEPTH)
    for side in SIDES:
        edge = smooth(
            [(side * w * x, h * y) for x, y in [(0.98, -0.4), (1.0, 0.2), (0.8, 0.7), (0.7, 0.62), (0.85, 0)]]
        )
        canvas.soft(edge, shade(skin, 0.72), 0.5, 7, OUTLINE_DEPTH)
        blush = mix(skin, (240, 92, 92), 0.55)
        canvas.soft(ellipse(side * w * 0.55, h * 0.3, 19, 13), blush, 0.15 + 0.5 * who.ageing.youth, 8, 0.7)
    canvas.soft(ellipse(0, -h * 0.42, w * 0.5, h * 0.16), shade(skin, 1.12), 0.45, 12, 0.6)
    _wrinkles(canvas, who)
    _sagging(canvas, who)


def _wrinkles(canvas: Canvas, who: Person) -> None:
    w, h, depth = who.face.width, who.face.height, who.ageing.wrinkles
    dark = shade(who.skin, 0.55)
    for k in range(3):
        y, reach = -h * (0.36 + 0.085 * k), w * (0.52 - 0.05 * k)
        line = [(-reach, y + 3), (-reach * 0.4, y - 2), (0, y + 1), (reach * 0.4, y - 2), (reach, y + 3)]
        canvas.brush(line, dark, 1.5 + 2.6 * depth, 0.85 * (depth - 0.12 * k), depth=0.6)
    for side in SIDES:
        for k in range(3):  # crow's feet
            line = [(side * w * 0.68, 3 + 2 * k), (side * w * 0.86, -6 + 10 * k)]
            canvas.brush(line, dark, 1.2 + 2.2 * depth, 0.8 * (depth - 0.1), depth=0.7)
        frown = [(side * 7, -h * 0.2), (side * 5, -h * 0.1)]
        canvas.brush(frown, dark, 2.6, 0.8 * (depth - 0.3), depth=0.8)


def _sagging(canvas: Canvas, who: Person) -> None:
    w, h, sag = who.face.width, who.face.height, who.ageing.sagging
    dark = shade(who.skin, 0.6)
    for side in SIDES:
        bag = smooth([(side * w * x, h * y) for x, y in [(0.22, 0.1), (0.42, 0.13), (0.62, 0.09), (0.42, 0.19)]])
        canvas.soft(bag, mix(dark, (120, 90, 110), 0.3), 0.15 + 0.6 * sag, 2.5, 0.8)
        fold = [(side * w * x, h * y) for x, y in [(0.24, 0.3), (0.38, 0.42), (0.44, 0.58)]]
        canvas.brush(fold, dark, 2 + 3.5 * sag, 0.15 + 0.7 * sag, depth=0.8)
        marionette = [(side * w * x, h * y) for x, y in [(0.34, 0.62), (0.4, 0.72), (0.4, 0.82)]]
        canvas.brush(marionette, dark, 4, 0.8 * (sag - 0.25), depth=0.7)
        hollow = ellipse(side * w * 0.62, h * 0.5, 12, 20)
        canvas.soft(hollow, shade(who.skin, 0.7), 0.7 * (sag - 0.2), 8, 0.6)
    rng = np.random.default_rng(who.number)
    for x, y, size in rng.uniform((-0.8, -0.6, 2), (0.8, 0.4, 5), (7, 3)):
        canvas.fill(ellipse(x * w, y * h, size, size * 0.8, 10), (128, 88, 58), 0.55 * max(sag - 0.45, 0), 0.6)
