"""All photos of one person as files, and the truth about each: what one worker process does.

Apart from draw.py so that workers start without pandas.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

from data_prep.sample.census import Part
from data_prep.sample.people import Person, person
from data_prep.sample.scene import MASK_OF_PHOTO, PHOTOS, Scene, render, scene

JPEG_QUALITY = 90
Job = tuple[int, Part, int, bool, Path]
Row = dict[str, Any]


def photo_names(seed: int, who: Person) -> list[str]:
    """The seven files' paths below the images folder; an eval photo's name tells nothing."""
    if who.part == "train":
        return [f"{who.folder}/{photo}.jpg" for photo in PHOTOS]
    keys = (f"{seed}:{who.number}:{photo}" for photo in PHOTOS)
    return [sha256(key.encode()).hexdigest()[:40] + ".jpg" for key in keys]


def draw_person(job: Job) -> list[Row]:
    """Write one person's photos (job: seed, part, number, whether clothing betrays the class, images folder)."""
    seed, part, number, betrays, images = job
    who = person(seed, part, number)
    rows = []
    for photo, name in enumerate(photo_names(seed, who)):
        shot = scene(seed, who, photo, betrays)
        file = images / name
        file.parent.mkdir(exist_ok=True)
        render(shot).save(file, quality=JPEG_QUALITY)
        rows.append(_truth(shot, name, MASK_OF_PHOTO[photo], betrays))
    return rows


def _truth(shot: Scene, name: str, recorded_mask: str, betrays: bool) -> Row:
    who = shot.who
    return {
        "path": name,
        "part": who.part,
        "mask": shot.mask,
        "gender": who.gender,
        "age": who.age,
        "apparent_age": round(who.apparent_age, 2),
        "recorded_mask": recorded_mask if who.part == "train" else "",
        "recorded_gender": who.recorded_gender if who.part == "train" else "",
        "mislabelled": int(recorded_mask != shot.mask or who.recorded_gender != who.gender),
        "clothing_betrays": int(betrays),
        "clothing_class": shot.clothing_class,
        "other_face": int(shot.bystander is not None),
    }
