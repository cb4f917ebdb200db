"""Eyes, brows, nose, mouth, facial hair and glasses."""

from __future__ import annotations

from data_prep.sample.people import Person
from data_prep.sample.portrait.canvas import Canvas, ellipse, mix, shade, smooth
from data_prep.sample.portrait.head import SIDES

FRONT = 0.9
"""Depth of what lies on the front of the face."""


def eyes(canvas: Canvas, who: Person, openness: float) -> None:
    """`openness`: 1 wide open, 0 closed."""
    face, lid = who.face, mix(shade(who.skin, 0.45), (24, 18, 20), 0.4 + 0.6 * who.make_up)
    half, tall = 18 * face.eye, 10.5 * face.eye * openness
    for side in SIDES:
        x, inner, outer = side * face.eye_gap * face.width, -side * half, side * half
        slant = -face.eye_slant
        top = [(x + inner, 3), (x + inner * 0.45, 2 - tall * 0.8), (x + outer * 0.2, 1 - tall), (x + outer, 1 + slant)]
        bottom = [(x + outer * 0.35, 2 + tall * 0.62), (x + inner * 0.45, 3 + tall * 0.5)]
        canvas.soft(
            ellipse(x, -9, half * 1.1, 9), mix(shade(who.skin, 0.66), (150, 80, 110), 0.4 * who.make_up), 0.5, 4, FRONT
        )
        canvas.fill(smooth([*top, *bottom]), (248, 244, 240), depth=FRONT)
        if openness > 0.35:
            canvas.fill(ellipse(x, 1.5, 8 * face.eye, min(8.0, tall) * face.eye, 16), who.eyes, depth=FRONT)
            canvas.fill(ellipse(x, 1.5, 3.8 * face.eye, 3.8 * face.eye, 12), (14, 12, 14), depth=FRONT)
            canvas.fill(ellipse(x + 3, -2, 2, 2, 8), (255, 255, 255), depth=FRONT)
        canvas.brush(top, lid, 3.2 + 3.2 * who.make_up, depth=FRONT, taper=0.4)
        fold = [(px, py - 6 - 2 * face.eye) for px, py in top[1:]]
        canvas.brush(fold, shade(who.skin, 0.6), 2.2, 0.7, FRONT)
        if who.make_up:
            lash = [(x + outer * 0.9, 1 + slant), (x + outer * 1.25, -4 + slant)]
            canvas.brush(lash, lid, 3.6, who.make_up, FRONT)


def brows(canvas: Canvas, who: Person, lift: float) -> None:
    face = who.face
    colour = mix(mix(who.hair, (30, 24, 22), 0.5), (190, 188, 186), 0.45 * who.ageing.grey)
    for side in SIDES:
        x, y = side * face.eye_gap * face.width, -23 - lift + 3 * who.ageing.sagging
        arch = 5.5 * face.brow_arch
        line = [
            (x - side * 20, y + 2),
            (x - side * 6, y - arch * 0.7),
            (x + side * 8, y - arch),
            (x + side * 24, y + 3),
        ]
        canvas.brush(line, colour, 7.5 * face.brow, 0.92, FRONT, taper=0.5)


def nose(canvas: Canvas, who: Person) -> None:
    h, n = who.face.height, who.face.nose
    dark = shade(who.skin, 0.62)
    canvas.soft(
        smooth([(5, -4), (9, 14), (16 * n, h * 0.3), (4, h * 0.34), (2, 10)]), shade(who.skin, 0.7), 0.55, 3.5, FRONT
    )
    canvas.soft(ellipse(-2, h * 0.2, 4.5, h * 0.14), shade(who.skin, 1.14), 0.6, 3.5, 1.1)
    wing = [(-17 * n, h * 0.3), (-11 * n, h * 0.345), (0, h * 0.36), (11 * n, h * 0.345), (17 * n, h * 0.3)]
    canvas.brush(wing, dark, 4, 0.85, 1.1)
    for side in SIDES:
        canvas.fill(ellipse(side * 7.5 * n, h * 0.335, 4.4 * n, 2.6, 12), shade(who.skin, 0.4), 0.9, 1.1)


def mouth(canvas: Canvas, who: Person, smile: float) -> None:
    """`smile`: -0.3 (earnest) .. 1 (laughing, teeth to be seen)."""
    face, y = who.face, who.face.height * 0.57
    half, full = 29 * face.mouth * (1 + 0.15 * smile), 8.5 * face.lips
    up, gap = -7 * smile, max(0.0, smile - 0.45) * 16
    left, right = (-half, y + up), (half, y + up)
    upper = [left, (-half * 0.3, y - full), (0, y - full * 0.75), (half * 0.3, y - full), right, (0, y + 1 + smile)]
    lower = [
        left,
        (0, y + gap + smile),
        right,
        (half * 0.45, y + gap + full * 1.2),
        (-half * 0.45, y + gap + full * 1.2),
    ]
    if gap > 0:
        canvas.fill(smooth([left, (0, y - 1), right, (0, y + gap * 1.7)]), (250, 246, 240), depth=FRONT)
    canvas.fill(smooth(lower), shade(who.lip_colour, 1.06), depth=FRONT)
    canvas.fill(smooth(upper), shade(who.lip_colour, 0.9), depth=FRONT)
    if gap == 0:
        canvas.brush([left, (0, y + 1 + smile), right], shade(who.lip_colour, 0.45), 2.6, 0.9, FRONT)
    canvas.soft(ellipse(0, y + gap + full * 1.2 + 7, half * 0.5, 3.5), shade(who.skin, 0.7), 0.6, 3, FRONT)


def facial_hair(canvas: Canvas, who: Person) -> None:
    w, h = who.face.width, who.face.height
    colour = mix(who.hair, (40, 36, 36), 0.35)
    jaw = [
        (-0.9, 0.3),
        (-0.72, 0.75),
        (-0.3, 0.99),
        (0.3, 0.99),
        (0.72, 0.75),
        (0.9, 0.3),
        (0.5, 0.46),
        (0, 0.4),
        (-0.5, 0.46),
    ]
    region = smooth([(x * w, y * h) for x, y in jaw])
    canvas.soft(region, mix(shade(who.skin, 0.7), (92, 98, 110), 0.5), 0.62 * who.stubble, 6, 0.5)
    if who.facial_hair == "beard":
        canvas.soft(region, colour, 0.85, 4, 0.5)
    if who.facial_hair == "goatee":
        canvas.soft(ellipse(0, h * 0.84, 19, 17), colour, 0.9, 3, 0.8)
    if who.facial_hair != "none":
        canvas.brush(
            [(-27, h * 0.5), (-10, h * 0.44), (0, h * 0.455), (10, h * 0.44), (27, h * 0.5)], colour, 11, 0.92, FRONT
        )


def glasses(canvas: Canvas, who: Person) -> None:
    colour, gap, w = (36, 32, 36), who.face.eye_gap * who.face.width, who.face.width
    for side in SIDES:
        rim = ellipse(side * gap, 4, 29, 23, 28)
        canvas.fill(rim, (235, 242, 250), 0.12, FRONT)
        canvas.brush([*rim.tolist(), rim[0].tolist()], colour, 3.4, 0.95, FRONT, taper=0.0)
        canvas.brush([(side * (gap + 28), 0), (side * (w + 4), -4)], colour, 3.6, depth=0.4, taper=0.0)
    canvas.brush([(-gap + 28, 2), (0, -2), (gap - 28, 2)], colour, 3.6, depth=FRONT, taper=0.0)
