"""What a dataset store is made of: the photos, their people's splits, and what tells them from other inputs."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from data_prep.background import Background
from data_prep.labels import GENDERS, MASKS, MISSING, OFFICIAL_BANDS, IntArray, band_of_range
from data_prep.layouts import reference
from data_prep.layouts.listing import Age, Photo
from data_prep.photos import upright_size
from data_prep.shards import file_sha256
from data_prep.split import assign, strata
from data_prep.store_files import EVAL
from errors import PhotoError

SAMPLE_FILE = "sample.json"


@dataclass(frozen=True)
class Inputs:
    """Everything that decides a store's bytes, bar the photos' own.

    Attributes:
        photos: labelled ones in the CSV's order, then those to predict in info.csv's.
        splits: of each labelled person, drawn before any photo is left out.
        source_size: (height, width) that most labelled photos have.
        size: (height, width) to store.
        made_from: hashes and settings, equal for two runs that would make the same store.
        profile: "sample" where the photos lie in a drawn sample, else "reference".
    """

    photos: list[Photo]
    splits: pd.Series
    source_size: tuple[int, int]
    size: tuple[int, int]
    made_from: dict[str, Any]
    profile: str

    def row(self, photo: Photo) -> dict[str, Any]:
        """The photo's row of index.csv."""
        split = EVAL if photo.to_predict else self.splits[photo.person]
        labels = {"mask": photo.mask, "gender": photo.gender, "age": _age_cell(photo.age)}
        return {"path": photo.path, "person": photo.person, "split": split, **labels}


def gather(
    images: Path,
    labels: Path,
    eval_dir: Path | None,
    *,
    background: Background,
    size: tuple[int, int] | None,
    seed: int,
    say: Callable[[str], None],
) -> Inputs:
    """List and check everything that can be checked without decoding a photo. Arguments as for `prepare.prepare`."""
    listing = reference.read(images, labels)
    photos = listing.photos
    if strange := listing.unused:
        say(f"not used, for their names say no mask state: {len(strange)} photos, e.g. {', '.join(strange[:3])}")
    splits = assign(_strata(photos), seed)
    source_size = _commonest_size(photos)
    photos += reference.read_eval(eval_dir) if eval_dir else []
    made_from = {
        "labels_sha256": file_sha256(labels),
        "eval_sha256": file_sha256(eval_dir / reference.EVAL_CSV) if eval_dir else None,
        "photos_sha256": _listing_hash(photos),
        "background": background.describe(),
        "size": list(size or source_size),
        "seed": seed,
    }
    return Inputs(photos, splits, source_size, size or source_size, made_from, _profile(images))


def _strata(photos: Sequence[Photo]) -> pd.Series:
    ages = np.array([photo.age or (MISSING, MISSING) for photo in photos], dtype=np.int64)
    return strata(
        [photo.person for photo in photos],
        _codes([photo.mask for photo in photos], MASKS),
        _codes([photo.gender for photo in photos], GENDERS),
        band_of_range(ages[:, 0], ages[:, 1], OFFICIAL_BANDS),
    )


def _codes(labels: Sequence[str | None], names: tuple[str, ...]) -> IntArray:
    return np.array([MISSING if label is None else names.index(label) for label in labels], dtype=np.int64)


def _age_cell(age: Age | None) -> str | None:
    """An age as index.csv has it: "37", or "50-59"."""
    return None if age is None else str(age[0]) if age[0] == age[1] else f"{age[0]}-{age[1]}"


def _commonest_size(photos: Sequence[Photo]) -> tuple[int, int]:
    sizes = Counter(size for photo in photos if (size := upright_size(photo.file)))
    if not sizes:
        raise PhotoError(f"none of the {len(photos)} photos can be read, e.g. {photos[0].file}")
    return max(sizes, key=lambda size: (sizes[size], size))


def _listing_hash(photos: Sequence[Photo]) -> str:
    """Tells a changed set of photos from the one that was prepared, without reading them."""
    lines = (f"{photo.mask}\t{photo.path}\t{photo.file.stat().st_size}\n" for photo in photos)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _profile(images: Path) -> str:
    return "sample" if (images.resolve().parent.parent / SAMPLE_FILE).is_file() else "reference"
