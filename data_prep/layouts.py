"""The reference task's layout: which photos there are, and what their folders and CSV files say of them.

train.csv           id,gender,race,age,path: one row a person, who is the `path` (an id may stand for two people)
images/<path>/      mask1..mask5, incorrect_mask, normal, each with any photo extension
eval/info.csv       ImageID,ans: one row a photo to predict
eval/images/        <ImageID>
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd

from data_prep.labels import GENDERS
from data_prep.photos import is_photo
from errors import LabelError, OptionError

MASK_OF = {**{f"mask{i}": "worn" for i in range(1, 6)}, "incorrect_mask": "incorrect", "normal": "none"}
MAX_AGE = 120
EVAL_CSV, EVAL_IMAGES = "info.csv", "images"


@dataclass(frozen=True)
class Photo:
    """A photo and what is known of it: `path` relative to its images folder, labels None where nobody gave them."""

    file: Path
    path: str
    person: str
    mask: str | None = None
    gender: str | None = None
    age: int | None = None


def read_people(labels: Path) -> pd.DataFrame:
    """The labels CSV -> one row a person; index: its `path` column; columns gender, age (years), row (in the file).

    Raises:
        LabelError: a missing file or column; a row with an unknown gender, an impossible age, or another row's path.
    """
    table = _read_csv(labels, ("gender", "age", "path"))
    people = pd.DataFrame(
        {
            "gender": [_gender(labels, row, value) for row, value in table["gender"].items()],
            "age": [_age(labels, row, value) for row, value in table["age"].items()],
            "row": table.index,
        },
        index=pd.Index(table["path"], name="person"),
    )
    _refuse_repeats(labels, "path", table["path"])
    return people


def labelled(images: Path, labels: Path, people: pd.DataFrame) -> tuple[list[Photo], list[str]]:
    """The photos of `people` (from `read_people`), in the CSV's order and by name within a person.

    Returns also the paths of photos left aside because their names say no mask state.

    Raises:
        OptionError: no such folder. LabelError: a person's folder is outside `images`, missing, or has no photo.
    """
    root = _folder(images, "--images")
    photos: list[Photo] = []
    strange: list[str] = []
    for person, gender, age, row in people[["gender", "age", "row"]].itertuples(name=None):
        folder = _inside(labels, row, "path", root, person)
        if not folder.is_dir():
            raise LabelError(f"{labels}, row {row}: no folder {person} in {root}")
        found = [(name, MASK_OF.get(Path(name).stem.lower())) for name in _photo_names(folder)]
        strange += [f"{person}/{name}" for name, mask in found if mask is None]
        kept = [(name, mask) for name, mask in found if mask is not None]
        if not kept:
            raise LabelError(f"{labels}, row {row}: {folder} has no photo named mask1..mask5, incorrect_mask or normal")
        for name, mask in kept:
            path = str(PurePosixPath(person) / name)
            photos.append(Photo(_inside(labels, row, "path", root, path), path, person, mask, gender, age))
    return photos, strange


def unlabelled(eval_dir: Path) -> list[Photo]:
    """The photos to predict, in the order of info.csv; each is its own person.

    Raises:
        OptionError: no such folder. LabelError: info.csv or a photo that it lists is missing, or listed twice.
    """
    root = _folder(eval_dir / EVAL_IMAGES, "--eval")
    info = eval_dir / EVAL_CSV
    names = _read_csv(info, ("ImageID",))["ImageID"]
    _refuse_repeats(info, "ImageID", names)
    photos = [Photo(_inside(info, row, "ImageID", root, name), name, name) for row, name in names.items()]
    for row, photo in zip(names.index, photos, strict=True):
        if not photo.file.is_file():
            raise LabelError(f"{info}, row {row}: no photo {photo.path} in {root}")
    return photos


def photos_below(folder: Path) -> list[Photo]:
    """Every photo in `folder` and below it, by name; each is its own person.

    Raises:
        OptionError: no such folder, or no photo in it.
    """
    root = _folder(folder, "--photos")
    files = sorted(file for file in root.rglob("*") if is_photo(file.name) and file.is_file())
    shown = [file for file in files if not any(part.startswith(".") for part in file.relative_to(root).parts)]
    if not shown:
        raise OptionError(f"--photos {folder}: no photo in it")
    names = [file.relative_to(root).as_posix() for file in shown]
    return [Photo(file, name, name) for file, name in zip(shown, names, strict=True)]


def _read_csv(file: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    """All cells as stripped strings; the index is the row in the file, whose header is row 1."""
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    except FileNotFoundError:
        raise LabelError(f"{file}: no such file; it should be a CSV with the columns {', '.join(needed)}") from None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise LabelError(f"{file} is not a CSV file that can be read: {' '.join(str(error).split())}") from None
    table.columns = table.columns.str.strip()
    if absent := [column for column in needed if column not in table.columns]:
        raise LabelError(f"{file} has no column {', '.join(absent)}: its columns are {', '.join(table.columns)}")
    table.index = pd.RangeIndex(2, len(table) + 2)
    table = table[list(needed)].apply(lambda column: column.str.strip())
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise LabelError(f"{file} has a header but no rows")
    return table


def _gender(labels: Path, row: object, value: str) -> str:
    if (gender := value.lower()) not in GENDERS:
        raise LabelError(f"{labels}, row {row}: gender must be {' or '.join(GENDERS)}, but is {value!r}")
    return gender


def _age(labels: Path, row: object, value: str) -> int:
    try:
        age = float(value)
    except ValueError:
        age = math.nan
    if not 0 <= age <= MAX_AGE:
        raise LabelError(f"{labels}, row {row}: age must be a number of years, 0 to {MAX_AGE}, but is {value!r}")
    return int(age)


def _refuse_repeats(file: Path, column: str, values: pd.Series) -> None:
    same = pd.Series([str(PurePosixPath(value)) for value in values], index=values.index)
    if len(again := same[same.duplicated()]):
        first = same[same == again.iloc[0]].index[0]
        raise LabelError(
            f"{file}, row {again.index[0]}: {column} {again.iloc[0]!r} is row {first}'s too; keep one of them"
        )


def _inside(file: Path, row: object, column: str, root: Path, name: str) -> Path:
    """`root`/`name`, with no link left in it; a LabelError where that is not below `root`."""
    relative = PurePosixPath(name)
    if name and not relative.is_absolute() and ".." not in relative.parts and not set(name) & {"\\", "\0"}:
        path = (root / relative).resolve()
        if path != root and path.is_relative_to(root):
            return path
    raise LabelError(f"{file}, row {row}: {column} must name something inside {root}, but is {name!r}")


def _folder(folder: Path, option: str) -> Path:
    if not folder.is_dir():
        raise OptionError(f"{option}: no folder {folder}")
    return folder.resolve()


def _photo_names(folder: Path) -> Iterator[str]:
    return iter(sorted(entry.name for entry in os.scandir(folder) if is_photo(entry.name) and entry.is_file()))
