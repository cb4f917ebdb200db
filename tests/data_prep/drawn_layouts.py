"""Tiny photos laid out as users have them, one function a layout: (images folder, labels file or None).

The colour of a photo tells mask, gender and age, so that a model can learn them.
"""

from __future__ import annotations

from itertools import product
from pathlib import Path

from PIL import Image

from data_prep.labels import GENDERS, MASKS

AGES = (24, 45, 71)
PEOPLE = [(MASKS[i % 3], gender, age + i // 6) for i, (gender, age, _) in enumerate(product(GENDERS, AGES, range(4)))]
"""24 people of one photo, (mask, gender, age): 4 of each gender and age band, and 8 of each mask state."""

Folder = tuple[Path, Path | None]


def draw(file: Path, mask: str, gender: str, age: int) -> Path:
    """A photo of 40x30 (height x width), of one colour."""
    file.parent.mkdir(parents=True, exist_ok=True)
    colour = (20 + 100 * MASKS.index(mask), 20 + 200 * GENDERS.index(gender), 3 * age)
    Image.new("RGB", (30, 40), colour).save(file)
    return file


def write_csv(file: Path, *rows: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join([*rows, ""]))
    return file


def utkface(root: Path) -> Folder:
    """24 photos, one of them without a race, in two folders."""
    for i, (mask, gender, age) in enumerate(PEOPLE):
        race = "" if i == 5 else f"_{i % 5}"
        name = f"{age}_{GENDERS.index(gender)}{race}_201701091505{i:05d}.jpg.chip.jpg"
        draw(root / "UTKFace" / f"part{i % 2 + 1}" / name, mask, gender, age)
    return root / "UTKFace", None


def fairface(root: Path) -> Folder:
    """24 photos, of ages as ranges that lie within one band."""
    ranges = {20: "20-29", 40: "40-49", 70: "more than 70"}
    rows = ["file,age,gender,race,service_test"]
    for i, (mask, gender, age) in enumerate(PEOPLE):
        draw(root / "fairface" / "train" / f"{i + 1}.jpg", mask, gender, age)
        rows.append(f"train/{i + 1}.jpg,{ranges[age // 10 * 10]},{gender.title()},East Asian,{i % 2 == 0}")
    return root / "fairface", write_csv(root / "fairface_label_train.csv", *rows)


def imagefolder(root: Path) -> Folder:
    """24 photos, 8 of each mask state, below two split folders."""
    folders = {"worn": "with_mask", "incorrect": "mask_weared_incorrect", "none": "without_mask"}
    for i, (mask, gender, age) in enumerate(PEOPLE):
        draw(root / "masks" / ("Train", "Test")[i % 4 == 3] / folders[mask] / f"{i}.png", mask, gender, age)
    return root / "masks", None


def manifest(root: Path) -> Folder:
    """27 photos: 9 people, 3 of each age band, in every mask state; an age is a number, or a range of five years."""
    rows = ["path,person,mask,gender,age,age_min,age_max"]
    for i, (age, _) in enumerate(product(AGES, range(3))):
        gender = GENDERS[AGES.index(age) % 2]
        ages = f",{age},{age + 4}" if i % 3 == 0 else f"{age + i % 3},,"
        for mask in MASKS:
            draw(root / "mine" / mask / f"{i}.jpg", mask, gender, age + i)  # no two are the same
            rows.append(f"{mask}/{i}.jpg,person {i},{mask},{gender},{ages}")
    return root / "mine", write_csv(root / "mine.csv", *rows)
