"""FairFace's layout: a CSV of photos, ages as ranges. No mask states.

fairface_label_train.csv    file,age,gender,race,service_test, e.g. train/1.jpg,50-59,Male,East Asian,True
images/<file>
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from data_prep.layouts.labels_file import (
    age_or_range_of,
    gender_of,
    if_known,
    named_photos,
    needed_labels,
    read_csv,
)
from data_prep.layouts.listing import MAX_AGE, Age, Listing

COLUMNS = ("file", "age", "gender")
_OLDEST, _OLDEST_AGES = "more than 70", (70, MAX_AGE)


def read(images: Path, labels: Path | None) -> Listing:
    """Read the photos of the CSV, in its order; each is its own person. An empty cell is a label that nobody gave.

    Raises:
        OptionError: no such folder, or no `labels`.
        LabelError: a missing file or column; a row with an unknown gender or an impossible age; a photo that is
            listed twice, missing, or outside `images`.
    """
    labels = needed_labels("fairface", labels, COLUMNS)
    table = read_csv(labels, COLUMNS, optional=(), labels=COLUMNS[1:])
    listing = named_photos(labels, "file", table["file"], images)
    genders = [if_known(gender_of, labels, row, value) for row, value in table["gender"].items()]
    ages = [if_known(_ages_of, labels, row, value) for row, value in table["age"].items()]
    known = zip(listing.photos, genders, ages, strict=True)
    return replace(listing, photos=[replace(photo, gender=gender, age=age) for photo, gender, age in known])


def _ages_of(labels: Path, row: object, value: str) -> Age:
    return _OLDEST_AGES if value.lower() == _OLDEST else age_or_range_of(labels, row, value)
