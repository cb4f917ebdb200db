"""A CSV of one's own, one row a photo. Only `path` is needed, and one label; an empty cell is a label nobody gave.

path                relative to the images folder, or whole
person              who is on it; equal for photos that show one person, who is then in one split. Empty: nobody else
mask, gender        worn, incorrect or none; male or female. `None` is refused: it may also mean that nobody knows
age                 years, 37, or a range, 30-39
age_min, age_max    the range in two columns
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from common.errors import LabelError
from data_prep.layouts.labels_file import (
    age_of,
    age_or_range_of,
    gender_of,
    if_known,
    mask_of,
    named_photos,
    needed_labels,
    read_csv,
)
from data_prep.layouts.listing import Age, Listing, Photo

COLUMNS = ("path",)
LABELS = ("mask", "gender", "age", "age_min", "age_max")
OPTIONAL = ("person", *LABELS)


def read(images: Path, labels: Path | None) -> Listing:
    """Read the photos of the CSV, in its order.

    Raises:
        OptionError: no such folder, or no `labels`.
        LabelError: a missing file, no label column; a row with an unknown mask state or gender, an impossible age or
            two ages; a photo that is listed twice, missing, or outside `images`; a person of two genders.
    """
    labels = needed_labels("manifest", labels, (*COLUMNS, *OPTIONAL))
    table = read_csv(labels, COLUMNS, OPTIONAL, labels=OPTIONAL)
    if not set(LABELS) & set(table.columns):
        raise LabelError(f"{labels} has no column of labels: at least one of {', '.join(LABELS)} is needed")
    listing = named_photos(labels, "path", table["path"], images)
    cells = table.reindex(columns=list(OPTIONAL), fill_value="")
    photos = [_labelled(photo, labels, *row) for photo, row in zip(listing.photos, cells.itertuples(), strict=True)]
    _refuse_two_genders(labels, list(table.index), photos)
    return replace(listing, photos=photos)


def _labelled(
    photo: Photo, labels: Path, row: int, person: str, mask: str, gender: str, age: str, age_min: str, age_max: str
) -> Photo:
    """Give the photo what its row says. The cells come in the order of OPTIONAL."""
    return replace(
        photo,
        person=person or photo.path,
        mask=if_known(mask_of, labels, row, mask),
        gender=if_known(gender_of, labels, row, gender),
        age=_age(labels, row, age, age_min, age_max),
    )


def _age(labels: Path, row: object, age: str, youngest: str, oldest: str) -> Age | None:
    if not youngest and not oldest:
        return if_known(age_or_range_of, labels, row, age)
    if age:
        raise LabelError(f"{labels}, row {row}: age is {age!r}, so age_min and age_max must be empty")
    if not youngest or not oldest:
        raise LabelError(f"{labels}, row {row}: age_min and age_max belong together, but one is empty")
    (low, _), (_, high) = age_of(labels, row, youngest, "age_min"), age_of(labels, row, oldest, "age_max")
    if low > high:
        raise LabelError(f"{labels}, row {row}: age_min <= age_max must hold, but they are {low} and {high}")
    return low, high


def _refuse_two_genders(labels: Path, rows: Sequence[int], photos: Sequence[Photo]) -> None:
    first: dict[str, tuple[int, str]] = {}
    for row, photo in zip(rows, photos, strict=True):
        if photo.gender is None:
            continue
        earlier, gender = first.setdefault(photo.person, (row, photo.gender))
        if gender != photo.gender:
            raise LabelError(
                f"{labels}, row {row}: {photo.person} is {photo.gender}, but in row {earlier} {gender}: "
                "mend one, or name two people"
            )
