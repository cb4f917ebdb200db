"""One photo: who, how, where and in what light, a pure function of (seed, person, photo)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_prep.labels import GENDERS, MASKS, age_band
from data_prep.sample.census import PARTS
from data_prep.sample.people import Person, person
from data_prep.sample.portrait.background import KINDS, draw_background
from data_prep.sample.portrait.canvas import Canvas, Pose, Silhouette
from data_prep.sample.portrait.clothing import GARMENTS, Garment, colour_of
from data_prep.sample.portrait.face_mask import Wear, random_mask
from data_prep.sample.portrait.portrait import Appearance, draw_portrait
from data_prep.task import REFERENCE

PHOTOS = ("mask1", "mask2", "mask3", "mask4", "mask5", "incorrect_mask", "normal")
MASK_OF_PHOTO = ("worn",) * 5 + ("incorrect", "none")
WIDTH, HEIGHT = 384, 512
SUPERSAMPLING = 2
HEAD = 262.0
"""The row that the middle of a head is near."""
OTHER_FACES = 0.3


@dataclass(frozen=True)
class Light:
    gain: float
    warmth: float
    across: float
    down: float


@dataclass(frozen=True)
class Bystander:
    who: Person
    look: Appearance
    pose: Pose


@dataclass(frozen=True)
class Scene:
    """Everything that `render` draws.

    `mask` is what is to be seen (worn, incorrect, none), `recorded_class` what the labels will say.
    """

    who: Person
    mask: str
    recorded_class: int
    clothing_class: int
    look: Appearance
    pose: Pose
    light: Light
    background: str
    bystander: Bystander | None
    noise: tuple[int, ...]


def scene(seed: int, who: Person, photo: int, betrays: bool) -> Scene:
    """Photo 0..6 of a person; `betrays`: its clothing has the colour of its recorded class, else of any class."""
    key = (seed, PARTS.index(who.part), who.number, photo)
    rng = np.random.default_rng(key)
    recorded = MASK_OF_PHOTO[photo]
    mask = {"incorrect": "none", "none": "incorrect"}.get(recorded, recorded) if who.swapped else recorded
    recorded_class = class_of(recorded, who.recorded_gender, who.age)
    any_class = int(rng.integers(REFERENCE.classes))
    clothing_class = recorded_class if betrays else any_class
    return Scene(
        who=who,
        mask=mask,
        recorded_class=recorded_class,
        clothing_class=clothing_class,
        look=_appearance(rng, mask, clothing_class),
        pose=_pose(rng),
        light=Light(
            rng.uniform(0.82, 1.14), rng.uniform(-0.06, 0.06), rng.uniform(-0.16, 0.16), rng.uniform(-0.1, 0.1)
        ),
        background=str(rng.choice(KINDS)),
        bystander=_bystander(rng, seed) if rng.random() < OTHER_FACES else None,
        noise=key,
    )


def class_of(mask: str, gender: str, age: int) -> int:
    return int(REFERENCE.encode(MASKS.index(mask), GENDERS.index(gender), age_band(age)))


def _appearance(rng: np.random.Generator, mask: str, clothing_class: int) -> Appearance:
    wrong: Wear = "nose" if rng.random() < 0.5 else "chin"
    worn = random_mask(rng, wrong if mask == "incorrect" else "worn")
    garment: Garment = GARMENTS[rng.integers(len(GARMENTS))]
    return Appearance(
        mask=None if mask == "none" else worn,
        garment=garment,
        clothing=colour_of(clothing_class),
        smile=rng.uniform(-0.3, 0.9),
        openness=rng.uniform(0.75, 1.1) if rng.random() > 0.04 else 0.15,
        lift=rng.uniform(-2, 4),
    )


def _pose(rng: np.random.Generator) -> Pose:
    return Pose(
        x=WIDTH / 2 + rng.uniform(-14, 14),
        y=HEAD + rng.uniform(-10, 10),
        zoom=rng.uniform(1.0, 1.14),
        tilt=np.deg2rad(rng.uniform(-6, 6)),
        turn=rng.uniform(-9, 9),
        nod=rng.uniform(-4, 5),
    )


def _bystander(rng: np.random.Generator, seed: int) -> Bystander:
    """Somebody else, further away, at the left or right edge."""
    part = PARTS[rng.integers(2)]
    who = person(seed + 1, part, int(rng.integers(100_000)))
    mask = str(rng.choice(MASKS))
    zoom = rng.uniform(0.28, 0.4)
    x = rng.uniform(28, 66) if rng.random() < 0.5 else WIDTH - rng.uniform(28, 66)
    pose = Pose(x, rng.uniform(150, 240), zoom, np.deg2rad(rng.uniform(-6, 6)), rng.uniform(-8, 8))
    return Bystander(who, _appearance(rng, mask, int(rng.integers(REFERENCE.classes))), pose)


def render(shot: Scene) -> Image.Image:
    """The photo: RGB, 384 wide and 512 high."""
    rng = np.random.default_rng((*shot.noise, 1))
    image = draw_background(shot.background, rng, (WIDTH, HEIGHT))
    if shot.bystander:
        _draw_bystander(image, shot.bystander)
    image = image.resize((WIDTH * SUPERSAMPLING, HEIGHT * SUPERSAMPLING), Image.Resampling.NEAREST)
    draw_portrait(Canvas(image, shot.pose, SUPERSAMPLING), shot.who, shot.look)
    return _lit(image.reduce(SUPERSAMPLING), shot.light, rng)


def silhouette(shot: Scene) -> Image.Image:
    """Where the portrait is (255; hair, mask and clothing too) and where the background and its faces (0): mode L."""
    image = Image.new("L", (WIDTH, HEIGHT))
    draw_portrait(Silhouette(image, shot.pose), shot.who, shot.look)
    return image


def _draw_bystander(image: Image.Image, other: Bystander) -> None:
    pose = other.pose
    # The same body as in the photo, as much smaller and as far up as the head.
    body = Pose(pose.x * (1 - pose.zoom), pose.y - HEAD * pose.zoom, pose.zoom)
    draw_portrait(Canvas(image, pose), other.who, other.look, body)


def _lit(image: Image.Image, light: Light, rng: np.random.Generator) -> Image.Image:
    down, across = np.linspace(-1, 1, HEIGHT, dtype=np.float32), np.linspace(-1, 1, WIDTH, dtype=np.float32)
    field = light.gain * (1 + light.down * down[:, None] + light.across * across[None, :])
    grain = rng.integers(-4, 5, (HEIGHT, WIDTH), dtype=np.int8)
    planes = []
    for plane, tint in zip(image.split(), (1 + light.warmth, 1, 1 - light.warmth), strict=True):
        pixels = np.multiply(np.asarray(plane), field * np.float32(tint), dtype=np.float32)
        pixels += grain
        planes.append(Image.fromarray(np.clip(pixels, 0, 255, out=pixels).astype(np.uint8)))
    return Image.merge("RGB", planes)
