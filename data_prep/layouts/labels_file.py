"""Labels files: CSVs whose cells are checked, one function a kind of label. Messages name the file and the row.

Rows are numbered as in the file, whose header is row 1.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import TypeVar

import pandas as pd

from common.errors import LabelError, OptionError
from common.security.regular_file import TABLE, read_bytes
from common.security.spreadsheet import csv_text
from data_prep.labels import GENDERS, MASKS
from data_prep.layouts.folders import existing_folder, names_of_photos, unwritable
from data_prep.layouts.listing import MAX_AGE, Age, Listing, Photo
from data_prep.layouts.named import Named, Spelling, relative_name
from data_prep.photos.decode import is_photo, upright_size

Label = TypeVar("Label")


NOT_KNOWN = ("NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>", "#N/A")
"""Cells that programs write for what is not known: as good as empty. `None` is not among them: `mask` has a `none`."""


_N = r"(\d{1,3}(?:\.\d*|,\d)?)"
_RANGES: dict[str, Callable[..., Age]] = {
    _N: lambda age: (age, age),
    rf"{_N}\s*[-\u2013\u2014]\s*{_N}": lambda youngest, oldest: (youngest, oldest),  # Excel and Word lengthen dashes
    r"\((\d{1,3}),\s*(\d{1,3})\)": lambda youngest, oldest: (youngest, oldest),
    rf">=\s*{_N}|{_N}\s*\+": lambda youngest: (youngest, MAX_AGE),
    rf"<\s*{_N}": lambda above: (0, above - 1),
}
"""How ages are written: 37, 37.9 or 37,9; 50-59; (48, 53), as Adience has it; >=60 or 60+; <30."""


def read_csv(
    file: Path, needed: tuple[str, ...] = (), optional: tuple[str, ...] | None = None, labels: tuple[str, ...] = ()
) -> pd.DataFrame:
    """Read the columns `needed`, and those of `optional` (None: all) that are there, as stripped strings.

    Capitals make no difference to a column's name. The index is the row in the file; rows that are empty are left out.

    Args:
        labels: columns in which a cell of NOT_KNOWN counts as empty.

    Raises:
        LabelError: no such file, no CSV, a column that is missing or there twice, no rows.
    """
    table = _load(file, needed)
    _refuse_twins(file, table.columns, (*needed, *(optional or ())))
    own = {name.lower(): name for name in table.columns}
    table = table.rename(
        columns={own[name.lower()]: name for name in (*needed, *(optional or ())) if name.lower() in own}
    )
    if absent := [column for column in needed if column not in table.columns]:
        raise LabelError(f"{file} has no column {', '.join(absent)}: its columns are {', '.join(table.columns)}")
    wanted = table.columns if optional is None else (*needed, *optional)
    table = table[[column for column in wanted if column in table.columns]].apply(lambda column: column.str.strip())
    for column in {*labels} & {*table.columns}:
        table[column] = table[column].replace(list(NOT_KNOWN), "")
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise LabelError(f"{file} has a header but no rows")
    return table


def _refuse_twins(file: Path, columns: Iterable[str], used: tuple[str, ...]) -> None:
    """Refuse two columns of one name: which of them is meant, nobody can tell."""
    for name in used:
        twins = [number for number, column in enumerate(columns, 1) if column.lower() == name.lower()]
        if len(twins) > 1:
            raise LabelError(f"{file} has two columns {name}, number {twins[0]} and {twins[1]}: keep one of them")


def _load(file: Path, needed: tuple[str, ...]) -> pd.DataFrame:
    try:
        text, separator = csv_text(read_bytes(file, TABLE))
        stream = io.StringIO(text, newline="")
        table = pd.read_csv(stream, sep=separator, dtype=str, keep_default_na=False, skip_blank_lines=False)
        stream.seek(0)
        header = next(csv.reader(stream, delimiter=separator))  # as it is: pandas calls a second `age` age.1
    except FileNotFoundError:
        columns = f"; it should be a CSV with the columns {', '.join(needed)}" if needed else ""
        raise LabelError(f"{file}: no such file{columns}") from None
    except (OSError, ValueError, csv.Error) as error:  # pandas' own errors are ValueErrors
        raise LabelError(f"{file} is not a CSV file that can be read: {' '.join(str(error).split())}") from None
    if not isinstance(table.index, pd.RangeIndex):  # what pandas makes of it: every cell one column to the left
        held = "a comma" if separator == "," else repr(separator)
        raise LabelError(f"{file}, row 2 has more cells than the header has columns: quote a cell that holds {held}")
    table.columns = pd.Index([column.strip() for column in header])
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


def named_photos(labels: Path, column: str, names: pd.Series, images: Path) -> Listing:
    """List a photo of each row, each its own person, no label known. `names`: index row, paths below `images`.

    Photos that no row names are set aside, of the folders that rows do name.

    Raises:
        OptionError: no such folder.
        LabelError: a name that is a second row's too, is no photo's, lies outside `images`, or is not there.
    """
    root = existing_folder(images, "--images")
    spelling = Spelling(root)
    names = names.map(lambda name: spelling.of(relative_name(images, name)))
    refuse_repeats(labels, column, names)
    named = Named(labels, column, root)
    photos, unusual = [], []
    for row, path in names.items():
        photo = Photo(named.file(row, path), path, path)
        if why := unwritable(path):
            raise LabelError(f"{labels}, row {row}: {column} {path!r} {why}, so no CSV can hold it; rename the photo")
        if not is_photo(name := PurePosixPath(path).name):
            if name.startswith(".") or upright_size(photo.file) is None:
                raise LabelError(f"{labels}, row {row}: {column} must be the name of a photo, but is {path!r}")
            unusual.append(path)
        photos.append(photo)
    return Listing(photos, aside=_beside(labels, root, {photo.path for photo in photos}), unusual=unusual)


def _beside(labels: Path, root: Path, named: set[str]) -> dict[str, list[str]]:
    """Find photos that no row names, in the folders that rows do name: not below, where whatever may lie."""
    folders = sorted({path.rpartition("/")[0] for path in named})
    there = (f"{folder}/{name}".lstrip("/") for folder in folders for name in names_of_photos(root / folder))
    others = [path for path in there if path not in named]
    return {f"photos that {labels.name} does not name": others} if others else {}


def if_known(read: Callable[[Path, object, str], Label], labels: Path, row: object, value: str) -> Label | None:
    """Read the label in a cell that may be empty."""
    return read(labels, row, value) if value else None


def mask_of(labels: Path, row: object, value: str) -> str:
    if value in ("None", "NONE"):  # Python's word for what is not known, or a face without a mask?
        raise LabelError(
            f"{labels}, row {row}: mask is {value!r}, which may mean two things: write none (lower case) for a face "
            "without a mask, or leave the cell empty where nobody knows"
        )
    if (mask := value.lower()) not in MASKS:
        raise LabelError(f"{labels}, row {row}: mask must be {', '.join(MASKS[:-1])} or {MASKS[-1]}, but is {value!r}")
    return mask


def gender_of(labels: Path, row: object, value: str) -> str:
    if (gender := value.lower()) not in GENDERS:
        raise LabelError(f"{labels}, row {row}: gender must be {' or '.join(GENDERS)}, but is {value!r}")
    return gender


def age_of(labels: Path, row: object, value: str, column: str = "age") -> Age:
    """Read a number of years, rounded down."""
    if not re.fullmatch(_N, value) or _years(value) > MAX_AGE:
        raise LabelError(f"{labels}, row {row}: {column} must be a number of years, 0 to {MAX_AGE}, but is {value!r}")
    return _years(value), _years(value)


def age_or_range_of(labels: Path, row: object, value: str) -> Age:
    """Read a number of years, or a range of them such as 50-59, 60+ or <30."""
    for form, ends in _RANGES.items():
        if match := re.fullmatch(form, value):
            youngest, oldest = ends(*(_years(end) for end in match.groups() if end))
            if 0 <= youngest <= oldest <= MAX_AGE:
                return youngest, oldest
    expected = f"a number of years, 0 to {MAX_AGE}, or a range such as 50-59"
    raise LabelError(f"{labels}, row {row}: age must be {expected}, but is {value!r}")


def _years(text: str) -> int:
    return int(float(text.replace(",", ".")))
