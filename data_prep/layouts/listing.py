"""What every layout comes to: photos, with what is known of each; and the checks that layouts share.

Ages are (lowest, highest) in whole years, both included, equal where the age is known to the year.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pandas as pd

from data_prep.labels import GENDERS
from data_prep.photos import is_photo
from errors import LabelError, OptionError

MAX_AGE = 120

Age = tuple[int, int]


@dataclass(frozen=True)
class Photo:
    """A photo and what is known of it: labels None where nobody gave them.

    Attributes:
        path: relative to its images folder, with forward slashes.
        person: equal for two photos that show one person.
        to_predict: no label will be asked of it; it is stored in the split "eval".
    """

    file: Path
    path: str
    person: str
    mask: str | None = None
    gender: str | None = None
    age: Age | None = None
    to_predict: bool = False


@dataclass(frozen=True)
class Listing:
    """What a layout found.

    Attributes:
        photos: in the order that they are stored.
        unused: paths of photos left aside because their names say nothing.
        ids: other names that people have, an id -> the `person` of everyone who has it.
    """

    photos: list[Photo]
    unused: list[str] = field(default_factory=list)
    ids: Mapping[str, list[str]] = field(default_factory=dict)


def photos_below(folder: Path, option: str = "--photos") -> list[Photo]:
    """Every photo in `folder` and below it, by name; each is its own person.

    Raises:
        OptionError: no such folder, or no photo in it.
    """
    root = existing_folder(folder, option)
    files = sorted(file for file in root.rglob("*") if is_photo(file.name) and file.is_file())
    shown = [file for file in files if not any(part.startswith(".") for part in file.relative_to(root).parts)]
    if not shown:
        raise OptionError(f"{option} {folder}: no photo in it")
    names = [file.relative_to(root).as_posix() for file in shown]
    return [Photo(file, name, name) for file, name in zip(shown, names, strict=True)]


def read_csv(file: Path, needed: tuple[str, ...], optional: tuple[str, ...] = ()) -> pd.DataFrame:
    """The columns `needed`, and those of `optional` that are there, all cells as stripped strings.

    The index is the row in the file, whose header is row 1.
    """
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
    table = table[[*needed, *(column for column in optional if column in table.columns)]].apply(
        lambda column: column.str.strip()
    )
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise LabelError(f"{file} has a header but no rows")
    return table


def refuse_repeats(file: Path, column: str, values: pd.Series) -> None:
    same = pd.Series([str(PurePosixPath(value)) for value in values], index=values.index)
    if len(again := same[same.duplicated()]):
        first = same[same == again.iloc[0]].index[0]
        raise LabelError(
            f"{file}, row {again.index[0]}: {column} {again.iloc[0]!r} is row {first}'s too; keep one of them"
        )


def inside(file: Path, row: object, column: str, root: Path, name: str) -> Path:
    """`root`/`name`, with no link left in it; a LabelError where that is not below `root`."""
    relative = PurePosixPath(name)
    if name and not relative.is_absolute() and ".." not in relative.parts and not set(name) & {"\\", "\0"}:
        path = (root / relative).resolve()
        if path != root and path.is_relative_to(root):
            return path
    raise LabelError(f"{file}, row {row}: {column} must name something inside {root}, but is {name!r}")


def existing_folder(folder: Path, option: str) -> Path:
    if not folder.is_dir():
        raise OptionError(f"{option}: no folder {folder}")
    return folder.resolve()


def photo_names(folder: Path) -> Iterator[str]:
    return iter(sorted(entry.name for entry in os.scandir(folder) if is_photo(entry.name) and entry.is_file()))


def gender_of(labels: Path, row: object, value: str) -> str:
    if (gender := value.lower()) not in GENDERS:
        raise LabelError(f"{labels}, row {row}: gender must be {' or '.join(GENDERS)}, but is {value!r}")
    return gender


def age_of(labels: Path, row: object, value: str) -> Age:
    """A number of years, rounded down."""
    try:
        age = float(value)
    except ValueError:
        age = math.nan
    if not 0 <= age <= MAX_AGE:
        raise LabelError(f"{labels}, row {row}: age must be a number of years, 0 to {MAX_AGE}, but is {value!r}")
    return int(age), int(age)
