"""Who is drawn: a person is a pure function of (seed, part, number) and looks the same in all photos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_prep.sample.census import PARTS, Part, gender_and_age, wrong_label
from data_prep.sample.portrait.canvas import Colour, mix, shade

APPARENT_SD = 2.3
"""Years by which people look older or younger than they are (standard deviation)."""

SKINS: tuple[Colour, ...] = ((243, 208, 180), (236, 196, 164), (228, 186, 152), (216, 170, 134), (198, 150, 116))
DARK_HAIR: tuple[Colour, ...] = ((28, 24, 24), (38, 30, 28), (54, 40, 34), (72, 50, 38))
DYED_HAIR: tuple[Colour, ...] = ((112, 72, 44), (150, 104, 62), (120, 52, 40), (178, 140, 92))
EYES: tuple[Colour, ...] = ((58, 38, 28), (78, 52, 34), (96, 70, 44), (84, 96, 84))
STYLES = {
    "male": (("crop", 0.3), ("side", 0.34), ("fringe", 0.18), ("buzz", 0.1), ("bob", 0.04), ("curly", 0.04)),
    "female": (("long", 0.32), ("bob", 0.2), ("bangs", 0.16), ("bun", 0.12), ("wavy", 0.14), ("side", 0.06)),
}


@dataclass(frozen=True)
class Face:
    """Geometry, in face pixels (half widths, heights) or as factors around 1."""

    width: float
    height: float
    jaw: float
    chin: float
    eye: float
    eye_gap: float
    eye_slant: float
    brow: float
    brow_arch: float
    nose: float
    lips: float
    mouth: float
    neck: float


@dataclass(frozen=True)
class Ageing:
    """What the apparent age does to a face: each 0 (not at all) .. about 1."""

    grey: float
    receding: float
    wrinkles: float
    sagging: float
    youth: float


@dataclass(frozen=True)
class Person:
    """One person, with what is true (gender, age) and what the labels say (recorded_gender, swapped)."""

    part: Part
    number: int
    gender: str
    age: int
    apparent_age: float
    recorded_gender: str
    swapped: bool
    face: Face
    ageing: Ageing
    skin: Colour
    hair: Colour
    hair_style: str
    hair_volume: float
    parting: float
    eyes: Colour
    lip_colour: Colour
    stubble: float
    facial_hair: str
    make_up: float
    earrings: bool
    glasses: bool

    @property
    def folder(self) -> str:
        """Its folder and, in train.csv, its `path`: 000012_female_Asian_23."""
        return f"{self.number + 1:06d}_{self.recorded_gender}_Asian_{self.age}"

    @property
    def mislabelled(self) -> bool:
        return self.swapped or self.recorded_gender != self.gender


def person(seed: int, part: Part, number: int) -> Person:
    """Person `number` (from 0) of a part of the sample drawn from `seed`."""
    gender, age = gender_and_age(seed, part, number)
    rng = np.random.default_rng([seed, PARTS.index(part), number])
    apparent = age + APPARENT_SD * rng.standard_normal()
    woman = gender == "female"
    ageing = _ageing(rng, apparent, woman)
    wrong = wrong_label(seed, part, number)
    skin = mix(SKINS[rng.integers(len(SKINS))], SKINS[rng.integers(len(SKINS))], rng.random())
    skin = mix(skin, (196, 166, 128), 0.3 * ageing.wrinkles)
    style = _style(rng, gender)
    return Person(
        part=part,
        number=number,
        gender=gender,
        age=age,
        apparent_age=apparent,
        recorded_gender={"male": "female", "female": "male"}[gender] if wrong == "gender" else gender,
        swapped=wrong == "mask",
        face=_face(rng, woman, ageing),
        ageing=ageing,
        skin=skin,
        hair=_hair(rng, woman, ageing),
        hair_style=style,
        hair_volume=rng.uniform(0.8, 1.25),
        parting=rng.uniform(-0.5, 0.5),
        eyes=EYES[rng.integers(len(EYES))],
        lip_colour=mix(shade(skin, 0.8), (196, 60, 76), rng.uniform(0.35, 0.75) if woman else rng.uniform(0.1, 0.25)),
        stubble=0.0 if woman else rng.uniform(0.15, 0.75),
        facial_hair="none"
        if woman
        else str(rng.choice(["none", "moustache", "goatee", "beard"], p=[0.7, 0.1, 0.1, 0.1])),
        make_up=rng.uniform(0.2, 1) if woman else 0.0,
        earrings=bool(rng.random() < (0.45 if woman else 0.04)),
        glasses=bool(rng.random() < 0.15 + 0.15 * ageing.wrinkles),
    )


def _style(rng: np.random.Generator, gender: str) -> str:
    names, shares = zip(*STYLES[gender], strict=True)
    return str(rng.choice(names, p=np.array(shares) / sum(shares)))


def _ramp(age: float, start: float, end: float) -> float:
    return float(np.clip((age - start) / (end - start), 0, 1.1))


def _ageing(rng: np.random.Generator, age: float, woman: bool) -> Ageing:
    def about(value: float, sd: float) -> float:
        return float(np.clip(value + sd * rng.standard_normal(), 0, 1.15)) if value > 0 else 0.0

    return Ageing(
        grey=about(_ramp(age, 32, 62), 0.05),
        receding=about(_ramp(age, 30, 64) * (0.25 if woman else 0.95), 0.08),
        wrinkles=about(_ramp(age, 26, 60), 0.05),
        sagging=about(_ramp(age, 30, 62), 0.06),
        youth=_ramp(-age, -33, -20),
    )


def _hair(rng: np.random.Generator, woman: bool, ageing: Ageing) -> Colour:
    """Colour with the grey in it; the young dye theirs more often."""
    dyed = rng.random() < (0.4 if woman else 0.15) * (0.25 + 0.75 * ageing.youth)
    colours: tuple[Colour, ...] = DYED_HAIR if dyed else DARK_HAIR
    return mix(colours[rng.integers(len(colours))], (208, 206, 204), 0.8 * ageing.grey)


def _face(rng: np.random.Generator, woman: bool, ageing: Ageing) -> Face:
    def about(value: float, sd: float) -> float:
        return value * float(1 + sd * np.clip(rng.standard_normal(), -2, 2))

    return Face(
        width=about(83 if woman else 88, 0.03),
        height=about(119 if woman else 124, 0.03),
        jaw=about(0.70 if woman else 0.79, 0.04) + 0.08 * ageing.sagging,
        chin=about(0.30 if woman else 0.38, 0.08),
        eye=about(1.08 if woman else 0.95, 0.05) * (0.94 + 0.14 * ageing.youth - 0.08 * ageing.sagging),
        eye_gap=about(0.43, 0.03),
        eye_slant=rng.uniform(-1, 3),
        brow=about(0.75 if woman else 1.35, 0.12),
        brow_arch=about(1.25 if woman else 0.7, 0.2),
        nose=about(0.92 if woman else 1.1, 0.07) * (1 + 0.1 * ageing.sagging),
        lips=about(1.2 if woman else 0.85, 0.1) * (1 - 0.3 * ageing.wrinkles),
        mouth=about(1.0, 0.06),
        neck=about(0.5 if woman else 0.64, 0.04),
    )
