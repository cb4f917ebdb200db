"""What a dataset store is made of: the photos, their people's splits, and what tells them from other inputs."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.errors import OptionError, PhotoError
from data_prep import corrections, layouts
from data_prep.labels import GENDERS, MASKS, MISSING, OFFICIAL_BANDS, IntArray, band_of_range
from data_prep.layouts.listing import MAX_AGE, Listing, Photo, age_text
from data_prep.layouts.reference import SAMPLE_JSON, read_eval
from data_prep.photos.decode import upright_size
from data_prep.store.files import EVAL
from data_prep.store.split import assign, strata
from data_prep.task import REFERENCE, Task, of_labels

Row = dict[str, str | None]


@dataclass(frozen=True)
class Source:
    """Where photos and labels are, and how they are to be read.

    Attributes:
        images, labels: as the layout has them; some layouts need no labels.
        eval_dir: holds info.csv and images/: photos to predict.
        layout: one of choices.LAYOUTS; None: detected.
        corrections: files, or names of corrections that come with this package.
        bands: the official age bands' first ages, in years.
        seed: of the splits.
        task: the factors to predict, of task.FACTORS; None: those that the labels have.

    Raises:
        OptionError: age bands that cannot be.
    """

    images: Path
    labels: Path | None = None
    eval_dir: Path | None = None
    layout: str | None = None
    corrections: tuple[str, ...] = ()
    bands: tuple[int, int] = OFFICIAL_BANDS
    seed: int = 0
    task: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        first, second = self.bands
        if not 1 <= first < second <= MAX_AGE:
            raise OptionError(f"--bands: 1 <= first < second <= {MAX_AGE} must hold, but got {first},{second}")


@dataclass(frozen=True)
class Inputs:
    """What a source holds.

    Attributes:
        photos: labelled ones in their layout's order, then those to predict; labels are corrected.
        rows: of index.csv, one a photo. Splits are drawn before corrections: they move nobody to another split.
        source_size: (height, width) that most labelled photos have.
        made_from: hashes and settings, equal for two sources that make the same store; says nothing of the pixels.
        task: what is predicted.
        profile: "sample" where the photos lie in a drawn sample, "reference" in its layout, else "photos".
    """

    photos: list[Photo]
    rows: list[Row]
    source_size: tuple[int, int]
    made_from: dict[str, Any]
    task: Task
    profile: str


REFERENCE_LAYOUT = "reference"


def gather(source: Source, say: Callable[[str], None]) -> Inputs:
    """List and check everything that can be checked without decoding a photo.

    Raises:
        OptionError, LabelError, PhotoError: a layout, label, correction or folder that is not what it should be.
    """
    name, listing = _read(source, say)
    splits = assign(_strata(listing.photos, source.bands), source.seed)
    if source.corrections:
        listing, report = corrections.apply(listing, corrections.read(source.corrections))
        for line in report:
            say(line)
    photos = [*listing.photos, *(read_eval(source.eval_dir) if source.eval_dir else [])]
    rows = [_row(photo, splits) for photo in photos]
    made_from = {
        "layout": name,
        "labels_sha256": _hash([{**row, "split": None} for row in rows]),
        "photos_sha256": _hash([[photo.path, photo.file.stat().st_size] for photo in photos]),
        "bands": list(source.bands),
        "seed": source.seed,
    }
    if source.task is not None:
        made_from["task"] = list(source.task)
    task = _task(listing.photos, name, source)
    say(f"task: {task.in_words()}")
    return Inputs(photos, rows, _commonest_size(listing.photos), made_from, task, _profile(source.images, name))


def _read(source: Source, say: Callable[[str], None]) -> tuple[str, Listing]:
    if source.layout is None:
        name, why = layouts.guess(source.images, source.labels)
        say(f"layout: {why} (--layout names another)")
    else:
        name = source.layout
    listing = layouts.read(name, source.images, source.labels)
    if unused := listing.unused:
        say(f"not used, for their names say nothing: {len(unused)} photos, e.g. {', '.join(unused[:3])}")
    return name, listing


def _task(photos: Sequence[Photo], layout: str, source: Source) -> Task:
    """Find what is predicted: what the labels say, or all three where the photos lie as the reference task's do."""
    if layout == REFERENCE_LAYOUT and source.task is None:
        return REFERENCE
    return of_labels(*_labels(photos, source.bands), source.task)


def _strata(photos: Sequence[Photo], bands: tuple[int, int]) -> pd.Series:
    return strata([photo.person for photo in photos], *_labels(photos, bands))


def _labels(photos: Sequence[Photo], bands: tuple[int, int]) -> tuple[IntArray, IntArray, IntArray]:
    """Code the photos' mask, gender and age band, int64 [photos] each."""
    ages = np.array([photo.age or (MISSING, MISSING) for photo in photos], dtype=np.int64)
    return (
        _codes([photo.mask for photo in photos], MASKS),
        _codes([photo.gender for photo in photos], GENDERS),
        band_of_range(ages[:, 0], ages[:, 1], bands),
    )


def _codes(labels: Sequence[str | None], names: tuple[str, ...]) -> IntArray:
    return np.array([MISSING if label is None else names.index(label) for label in labels], dtype=np.int64)


def _row(photo: Photo, splits: pd.Series) -> Row:
    split = EVAL if photo.to_predict else splits[photo.person]
    labels = {"mask": photo.mask, "gender": photo.gender, "age": age_text(photo.age) if photo.age else None}
    return {"path": photo.path, "person": photo.person, "split": split, **labels}


def _commonest_size(photos: Sequence[Photo]) -> tuple[int, int]:
    sizes = Counter(size for photo in photos if (size := upright_size(photo.file)))
    if not sizes:
        raise PhotoError(f"none of the {len(photos)} photos can be read, e.g. {photos[0].file}")
    return max(sizes, key=lambda size: (sizes[size], size))


def _hash(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _profile(images: Path, layout: str) -> str:
    if (images.resolve().parent.parent / SAMPLE_JSON).is_file():
        return "sample"
    return "reference" if layout == REFERENCE_LAYOUT else "photos"
