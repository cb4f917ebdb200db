"""UTKFace's layout: photos named [age]_[gender]_[race]_[date].jpg, anywhere below the folder. No mask states.

The aligned photos end in .jpg.chip.jpg, and a few lack the race: 61_1_20170109142408075.jpg.chip.jpg.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from common.errors import LabelError
from data_prep.labels import GENDERS
from data_prep.layouts.folders import images_below
from data_prep.layouts.labels_file import no_labels
from data_prep.layouts.listing import MAX_AGE, Listing

PATTERN = "[age]_[gender]_[race]_[date]"
_NAME = re.compile(r"(?P<age>\d{1,3})_(?P<gender>[01])(_\d)?_\d{8,}\D.*", re.ASCII)


def read(images: Path, labels: Path | None) -> Listing:
    """Read the photos of known age and gender; each is its own person, for the names do not say who is on two photos.

    Raises:
        OptionError: no such folder, no photo in it, or `labels` that nothing would be read from.
        LabelError: no photo has such a name, or one is a link to outside `images`.
    """
    no_labels("utkface", labels, f"the photos' names, {PATTERN}.jpg")
    there = images_below(images)
    found = [(photo, labels_in(photo.file.name)) for photo in there.photos]
    photos = [replace(photo, gender=known[0], age=(known[1], known[1])) for photo, known in found if known]
    unused = [photo.path for photo, known in found if not known]
    if not photos:
        raise LabelError(f"{images}: no photo is named {PATTERN}.jpg, with gender 0 (male) or 1; one is {unused[0]}")
    return Listing(photos, unused, aside=there.aside, unusual=there.unusual)


def labels_in(name: str) -> tuple[str, int] | None:
    """Tell gender, and age in years, of a photo of this name; None where it does not tell both."""
    if (match := _NAME.fullmatch(name)) and int(match["age"]) <= MAX_AGE:
        return GENDERS[int(match["gender"])], int(match["age"])
    return None
