"""One person drawn from the shoulders up, layer on layer."""

from __future__ import annotations

from dataclasses import dataclass

from data_prep.sample.people import Person
from data_prep.sample.portrait import features, hair, head
from data_prep.sample.portrait.canvas import Canvas, Colour, Pose, shade, smooth
from data_prep.sample.portrait.clothing import SHOULDERS, Garment, draw_clothing
from data_prep.sample.portrait.face_mask import Mask, draw_mask


@dataclass(frozen=True)
class Appearance:
    """What of a person changes from photo to photo."""

    mask: Mask | None
    garment: Garment
    clothing: Colour
    smile: float
    openness: float
    lift: float


def draw_portrait(canvas: Canvas, who: Person, look: Appearance, body: Pose | None = None) -> None:
    """Draw `who` with the canvas's pose; `body` places neck and clothing (default: as in the photo)."""
    hair.back(canvas, who)
    torso = canvas.at(body or Pose(0, 0))
    _shoulders(torso, canvas, who, look)
    if who.hair_style not in hair.LENGTHS:
        head.ears(canvas, who)
    head.head(canvas, who)
    features.facial_hair(canvas, who)
    features.eyes(canvas, who, look.openness)
    features.brows(canvas, who, look.lift)
    features.nose(canvas, who)
    features.mouth(canvas, who, look.smile)
    if look.mask:
        draw_mask(canvas, look.mask, who.face)
    hair.front(canvas, who)
    if who.glasses:
        features.glasses(canvas, who)


def _shoulders(torso: Canvas, canvas: Canvas, who: Person, look: Appearance) -> None:
    x, broad = canvas.pose.x, who.face.neck / 0.57 * 0.5 + 0.5
    y = SHOULDERS
    skin = smooth([(x - 70 * broad, y + 12), (x - 40, y - 4), (x + 40, y - 4), (x + 70 * broad, y + 12), (x, y + 74)])
    torso.fill(skin, shade(who.skin, 0.95))
    head.neck(canvas, who)
    draw_clothing(torso, look.garment, look.clothing, x, who.skin, broad)
