"""Labels files: CSVs whose cells are checked, one function a kind of label. Messages name the file and the row.

Rows are numbered as in the file, whose header is row 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pandas as pd

from common.errors import LabelError, OptionError
from data_prep.labels import GENDERS, MASKS
from data_prep.layouts.listing import MAX_AGE, Age, Named, Photo
from data_prep.photos.decode import is_photo

Label = TypeVar("Label")


def read_csv(file: Path, needed: tuple[str, ...] = (), optional: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Read the columns `needed`, and those of `optional` (None: all) that are there, as stripped strings.

    The index is the row in the file; rows that are empty are left out.

    Raises:
        LabelError: no such file, no CSV, a column that is missing or there twice, no rows.
    """
    table = _load(file, needed)
    if absent := [column for column in needed if column not in table.columns]:
        raise LabelError(f"{file} has no column {', '.join(absent)}: its columns are {', '.join(table.columns)}")
    if len(twice := table.columns[table.columns.duplicated()]):
        raise LabelError(f"{file} has two columns {twice[0]}: keep one of them")
    wanted = table.columns if optional is None else (*needed, *optional)
    table = table[[column for column in wanted if column in table.columns]].apply(lambda column: column.str.strip())
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise LabelError(f"{file} has a header but no rows")
    return table


def _load(file: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig", skip_blank_lines=False)
    except FileNotFoundError:
        columns = f"; it should be a CSV with the columns {', '.join(needed)}" if needed else ""
        raise LabelError(f"{file}: no such file{columns}") from None
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise LabelError(f"{file} is not a CSV file that can be read: {' '.join(str(error).split())}") from None
    if not isinstance(table.index, pd.RangeIndex):  # what pandas makes of it: every cell one column to the left
        raise LabelError(f"{file}, row 2 has more cells than the header has columns: quote a cell that holds a comma")
    table.columns = table.columns.str.strip()
    table.index = pd.RangeIndex(2, len(table) + 2)
    return table


def needed_labels(layout: str, labels: Path | None, columns: tuple[str, ...]) -> Path:
    if labels is None:
        raise OptionError(f"--layout {layout} needs --labels: a CSV with the columns {', '.join(columns)}")
    return labels


def no_labels(layout: str, labels: Path | None, source: str) -> None:
    if labels is not None:
        raise OptionError(f"--layout {layout} has its labels from {source}: leave out --labels {labels}")


def refuse_repeats(file: Path, column: str, values: pd.Series) -> None:
    same = pd.Series([str(PurePosixPath(value)) for value in values], index=values.index)
    if len(again := same[same.duplicated()]):
        first = same[same == again.iloc[0]].index[0]
        raise LabelError(
            f"{file}, row {again.index[0]}: {column} {again.iloc[0]!r} is row {first}'s too; keep one of them"
        )


def named_photos(labels: Path, column: str, names: pd.Series, root: Path) -> list[Photo]:
    """Make a photo of each row, each its own person, no label known. `names`: index row, paths below `root`.

    Raises:
        LabelError: a name that is a second row's too, is no photo's, lies outside `root`, or is not there.
    """
    refuse_repeats(labels, column, names)
    named = Named(labels, column, root)
    photos = []
    for row, name in names.items():
        path = str(PurePosixPath(name))
        photos.append(Photo(named.file(row, name), path, path))
        if not is_photo(path.rpartition("/")[2]):
            raise LabelError(f"{labels}, row {row}: {column} must be the name of a photo, but is {name!r}")
    return photos


def if_known(read: Callable[[Path, object, str], Label], labels: Path, row: object, value: str) -> Label | None:
    """Read the label in a cell that may be empty."""
    return read(labels, row, value) if value else None


def mask_of(labels: Path, row: object, value: str) -> str:
    if (mask := value.lower()) not in MASKS:
        raise LabelError(f"{labels}, row {row}: mask must be {', '.join(MASKS[:-1])} or {MASKS[-1]}, but is {value!r}")
    return mask


def gender_of(labels: Path, row: object, value: str) -> str:
    if (gender := value.lower()) not in GENDERS:
        raise LabelError(f"{labels}, row {row}: gender must be {' or '.join(GENDERS)}, but is {value!r}")
    return gender


def age_of(labels: Path, row: object, value: str, column: str = "age") -> Age:
    """Read a number of years, rounded down."""
    age = _years(value)
    if not 0 <= age <= MAX_AGE:
        raise LabelError(f"{labels}, row {row}: {column} must be a number of years, 0 to {MAX_AGE}, but is {value!r}")
    return int(age), int(age)


def age_or_range_of(labels: Path, row: object, value: str) -> Age:
    """Read a number of years, or a range of them such as 50-59."""
    ends = [_years(end) for end in value.split("-")]
    if len(ends) > 2 or not 0 <= ends[0] <= ends[-1] <= MAX_AGE:
        expected = f"a number of years, 0 to {MAX_AGE}, or a range such as 50-59"
        raise LabelError(f"{labels}, row {row}: age must be {expected}, but is {value!r}")
    return int(ends[0]), int(ends[-1])


def _years(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
