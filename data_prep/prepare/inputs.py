"""What a dataset store is made of: the photos, their people's splits, and what tells them from other inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.errors import OptionError
from data_prep import corrections
from data_prep.labels import GENDERS, MASKS, MISSING, OFFICIAL_BANDS, IntArray, band_of_range
from data_prep.layouts import known
from data_prep.layouts.listing import MAX_AGE, UNUSUAL, Listing, Photo, age_text, some
from data_prep.layouts.reference import SAMPLE_JSON, read_eval
from data_prep.store.files import EVAL
from data_prep.store.split import assign, strata, units
from data_prep.survey.identical import described, identical
from data_prep.survey.looks import Look, commonest_size, counted, look, refuse_what_is_none
from data_prep.survey.near import near_groups
from data_prep.task import REFERENCE, Task, of_labels
from data_prep.workers import passing

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
        group_near: whether people with nearly the same photos are in one split, as those with the same ones are.

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
    group_near: bool = False

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
        looks: what a look at each photo's file says.
        source_size: (height, width) that most labelled photos have.
        identical, near: what store.json says of photos that are (nearly) the same; `near` None where nobody asked.
        together: people who must be in one split, each list by name.
        not_used: what lies beside the photos: {"why", "paths"} each.
        made_from: hashes and settings, equal for two sources that make the same store; says nothing of the pixels.
        task: what is predicted.
        profile: "sample" where the photos lie in a drawn sample, "reference" in its layout, else "photos".
    """

    photos: list[Photo]
    rows: list[Row]
    looks: list[Look]
    source_size: tuple[int, int]
    identical: dict[str, Any]
    near: dict[str, Any] | None
    together: list[list[str]]
    not_used: list[dict[str, Any]]
    made_from: dict[str, Any]
    task: Task
    profile: str

    @property
    def labelled(self) -> list[Look]:
        """The looks at photos that are not there to be predicted."""
        return [seen for photo, seen in zip(self.photos, self.looks, strict=True) if not photo.to_predict]


REFERENCE_LAYOUT = "reference"


def gather(source: Source, say: Callable[[str], None], progress: bool = False) -> Inputs:
    """List and check everything that can be checked without decoding a photo; only `group_near` decodes them all.

    Raises:
        OptionError, LabelError, PhotoError: a layout, label, correction or folder that is not what it should be.
    """
    name, listing = _read(source, say)
    labelled = listing.photos
    looks = [look(photo.file) for photo in passing(labelled, "looking at files")]
    if not any(seen.size for seen in looks):
        refuse_what_is_none(labelled, looks)
    same = identical(labelled, looks)
    near = near_groups(labelled, progress) if source.group_near else []
    unit = units([labelled[i].person for i in group] for group in (*same, *near))
    splits = assign(_strata(labelled, source.bands), source.seed, unit=unit)
    if source.corrections:
        listing, report = corrections.apply(listing, corrections.read(source.corrections))
        for line in report:
            say(line)
    to_predict = read_eval(source.eval_dir) if source.eval_dir else []
    photos = [*listing.photos, *to_predict]
    split_of = {str(person): str(split) for person, split in splits.items()}
    rows = [_row(photo, split_of) for photo in photos]
    source_size = commonest_size(counted(looks))
    looks += [look(photo.file) for photo in passing(to_predict, "looking at files to predict")]
    task = _task(listing.photos, name, source)
    say(f"task: {task.in_words()}")
    return Inputs(
        photos,
        rows,
        looks,
        source_size=source_size,
        identical=described(listing.photos, same),
        near=described(listing.photos, near) if source.group_near else None,
        together=_together(unit),
        not_used=[{"why": why, "paths": list(paths)} for why, paths in _not_used(listing).items()],
        made_from=_made_from(source, name, photos, rows, looks),
        task=task,
        profile=_profile(source.images, name),
    )


def _made_from(
    source: Source, layout: str, photos: Sequence[Photo], rows: Sequence[Row], looks: Sequence[Look]
) -> dict[str, Any]:
    return {
        "layout": layout,
        "labels_sha256": _hash([{**row, "split": None} for row in rows]),
        "photos_sha256": _hash([[photo.path, photo.file.stat().st_size] for photo in photos]),
        "contents_sha256": _hash([seen.ends for seen in looks]),
        "bands": list(source.bands),
        "seed": source.seed,
        **({"task": list(source.task)} if source.task is not None else {}),
        "group_near": source.group_near,
    }


def _read(source: Source, say: Callable[[str], None]) -> tuple[str, Listing]:
    if source.layout is None:
        name, why = known.guess(source.images, source.labels)
        say(f"layout: {why} (--layout names another)")
    else:
        name = source.layout
    listing = known.read(name, source.images, source.labels)
    if listing.unusual:
        say(f"used: {some(listing.unusual, UNUSUAL)}")
    for why, paths in _not_used(listing).items():
        say(f"not used: {some(paths, why)}")
    parts = {part for photo in listing.photos for part in photo.path.split("/")[:-1] if part.lower() in _SPLITS}
    if len(parts) > 1:
        say(f"Note: {', '.join(sorted(parts))} are taken together: people are split anew, so that nobody is in two")
    return name, listing


_SPLITS = ("train", "training", "val", "valid", "validation", "test", "testing")
"""What folders are called in which somebody split photos before."""


def _task(photos: Sequence[Photo], layout: str, source: Source) -> Task:
    """Find what is predicted: what the labels say, or all three where the photos lie as the reference task's do."""
    if layout == REFERENCE_LAYOUT and source.task is None:
        return REFERENCE
    return of_labels(*_labels(photos, source.bands), source.task)


def _not_used(listing: Listing) -> dict[str, Sequence[str]]:
    unused = {"photos of a name that says nothing": listing.unused} if listing.unused else {}
    return {**unused, **listing.aside}


def _together(unit: Mapping[str, str]) -> list[list[str]]:
    """List who hangs together, by the name of their unit."""
    people: dict[str, list[str]] = {}
    for person, name in sorted(unit.items()):
        people.setdefault(name, []).append(person)
    return [names for _, names in sorted(people.items()) if len(names) > 1]


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


def _row(photo: Photo, splits: Mapping[str, str]) -> Row:
    split = EVAL if photo.to_predict else splits[photo.person]
    labels = {"mask": photo.mask, "gender": photo.gender, "age": age_text(photo.age) if photo.age else None}
    return {"path": photo.path, "person": photo.person, "split": split, **labels}


def _hash(values: object) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _profile(images: Path, layout: str) -> str:
    if (images.resolve().parent.parent / SAMPLE_JSON).is_file():
        return "sample"
    return "reference" if layout == REFERENCE_LAYOUT else "photos"
