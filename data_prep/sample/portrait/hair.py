"""Hair: what hangs behind the head, and what lies on it and before it."""

from __future__ import annotations

import numpy as np

from data_prep.sample.people import Person
from data_prep.sample.portrait.canvas import Canvas, Colour, Points, ellipse, mix, shade, smooth
from data_prep.sample.portrait.head import OUTLINE_DEPTH, SIDES, outline

# How far down hair reaches, in face heights, for the styles that cover the ears.
LENGTHS = {"long": 1.55, "wavy": 1.4, "bangs": 1.2, "bob": 0.78}
FRINGED = ("fringe", "bangs")


def back(canvas: Canvas, who: Person) -> None:
    """What is behind neck and shoulders."""
    w, h, dark = who.face.width, who.face.height, shade(who.hair, 0.78)
    if who.hair_style == "bun":
        canvas.fill(ellipse(6, -h * 1.12, 34 * who.hair_volume, 27 * who.hair_volume), shade(who.hair, 0.9))
    length = LENGTHS.get(who.hair_style)
    if length is None:
        return
    wide = w * (1.12 + 0.1 * who.hair_volume)
    right = [(0.6, -1.0), (0.98, -0.6), (1.0, 0.0), (1.04, length * 0.55), (0.98, length), (0.5, length * 1.03)]
    shape = smooth([(x * wide, y * h) for x, y in [*right, *((-x, y) for x, y in reversed(right))]])
    canvas.fill(_wave(shape, 4.0 if who.hair_style == "wavy" else 0.0), dark)


def front(canvas: Canvas, who: Person) -> None:
    """The cap of hair above the hairline, its strands, and locks before the ears."""
    if who.hair_style in LENGTHS:
        _locks(canvas, who)
    cap = _cap(who)
    if who.hair_style == "buzz":
        canvas.fill(cap, who.hair, 0.82, OUTLINE_DEPTH)
    else:
        canvas.fill(cap, who.hair, 1.0, OUTLINE_DEPTH)
        _strands(canvas, who)
    _temples(canvas, who)


def _cap(who: Person) -> Points:
    thick = {"buzz": 3.0, "crop": 9.0, "curly": 22.0}.get(who.hair_style, 14.0) * who.hair_volume
    head = outline(who.face)
    w, h = who.face.width, who.face.height
    low = -0.02 * h if who.hair_style in ("buzz", "crop", "side", "fringe") else -0.12 * h
    top = head[head[:, 1] < low]
    top = top[np.argsort(np.arctan2(top[:, 0], -top[:, 1]))]  # from the left ear over the crown to the right one
    grown = top * ((w + 0.45 * thick) / w, (h + thick) / h)
    if who.hair_style == "curly":
        grown = _wave(grown, 5.0)
    return np.concatenate([grown, _hairline(who)])


def _hairline(who: Person) -> Points:
    """Draw the line from the right temple to the left one."""
    w, h, bald = who.face.width, who.face.height, who.ageing.receding
    if who.hair_style in FRINGED:
        y = -0.3 - 0.1 * bald
        line = [
            (0.95, -0.02),
            (0.82, -0.2),
            (0.5, y + 0.02),
            (0.1, y - 0.02),
            (-0.3, y + 0.02),
            (-0.6, y),
            (-0.84, -0.2),
            (-0.95, -0.02),
        ]
    else:
        up, corner, part = 0.6 + 0.14 * bald, 0.48 + 0.4 * bald, who.parting * 0.5
        line = [
            (0.95, -0.02),
            (0.88, -0.25),
            (0.66, -corner),
            (0.3 + part, -up),
            (part, -up - 0.03),
            (part - 0.3, -up),
            (-0.66, -corner),
            (-0.88, -0.25),
            (-0.95, -0.02),
        ]
    return smooth([(x * w, max(y, -0.93) * h) for x, y in line], closed=False)


def _strand_colour(who: Person, pick: float) -> Colour:
    if pick < 0.75 * who.ageing.grey:
        return (226, 225, 223)
    return shade(who.hair, 0.7 if pick > 0.8 else 1.35) if max(who.hair) > 60 else mix(who.hair, (150, 130, 120), 0.25)


def _strands(canvas: Canvas, who: Person) -> None:
    rng = np.random.default_rng(who.number)
    w, h, line = who.face.width, who.face.height, _hairline(who)
    crown = np.array([who.parting * 0.6 * w, -h * 1.03])
    for position, pick, bend in rng.random((17, 3)):
        end = line[int((0.06 + 0.88 * position) * (len(line) - 1))]
        middle = (crown + end) / 2 + (np.sign(end[0] - crown[0]) * (4 + 12 * bend), -6)
        canvas.brush([tuple(crown), tuple(middle), tuple(end)], _strand_colour(who, pick), 3.4, 0.5, OUTLINE_DEPTH)
    sheen = ellipse(-w * 0.3, -h * 0.82, w * 0.34, h * 0.09)
    canvas.soft(sheen, mix(who.hair, (255, 246, 236), 0.5), 0.2 + 0.4 * who.ageing.youth, 7, OUTLINE_DEPTH)


def _temples(canvas: Canvas, who: Person) -> None:
    """Grey shows there first."""
    w, h = who.face.width, who.face.height
    for side in SIDES:
        lock = smooth([(side * w * x, h * y) for x, y in [(0.98, -0.05), (1.02, -0.3), (0.94, -0.5), (0.88, -0.3)]])
        canvas.soft(lock, (214, 212, 210), min(1.0, 1.1 * who.ageing.grey), 3, OUTLINE_DEPTH)


def _locks(canvas: Canvas, who: Person) -> None:
    w, h, length = who.face.width, who.face.height, LENGTHS[who.hair_style]
    path = [(0.5, -0.92), (0.86, -0.45), (0.93, 0.1), (0.9, length * 0.6), (0.96, length)]
    outer = [(1.12, length * 0.98), (1.2, length * 0.5), (1.16, 0.0), (1.06, -0.6), (0.7, -1.02)]
    for side in SIDES:
        lock = smooth([(side * w * x, h * y) for x, y in [*path, *outer]])
        canvas.fill(_wave(lock, 3.0 if who.hair_style == "wavy" else 0.0), who.hair, depth=0.1)
        for k in range(3):
            strand = [(side * w * (x + 0.05 + 0.06 * k), h * y) for x, y in path[1:]]
            canvas.brush(strand, _strand_colour(who, 0.15 + 0.4 * k), 3, 0.45, 0.1)


def _wave(shape: Points, size: float) -> Points:
    """The shape with a wavy edge."""
    if size == 0:
        return shape
    t = np.arange(len(shape))
    return shape + size * np.stack([np.sin(t * 1.3), np.cos(t * 1.7)], axis=1)
