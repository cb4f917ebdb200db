"""What lies in the folders that users have: one file a layout, each with `read(images, labels) -> Listing`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from common.errors import LabelError, OptionError
from common.wording import counted, things
from data_prep.choices import LAYOUTS
from data_prep.layouts import fairface, imagefolder, manifest, reference, utkface
from data_prep.layouts.folders import existing_folder, images_below
from data_prep.layouts.labels_file import read_csv
from data_prep.layouts.listing import Listing
from data_prep.layouts.named import relative_name

_READERS: dict[str, Callable[[Path, Path | None], Listing]] = dict(
    zip(LAYOUTS, (reference.read, utkface.read, fairface.read, imagefolder.read, manifest.read), strict=True)
)


def read(name: str, images: Path, labels: Path | None) -> Listing:
    """Read the photos and labels of a layout.

    Raises:
        OptionError: no such layout; labels that it lacks, or that it cannot use. Otherwise as the layout's own `read`.
    """
    if name not in LAYOUTS:
        raise OptionError(f"--layout must be {', '.join(LAYOUTS[:-1])} or {LAYOUTS[-1]}, but is {name!r}")
    return _READERS[name](images, labels)


def guess(images: Path, labels: Path | None) -> tuple[str, str]:
    """Guess (name of the layout, what tells it, e.g. "fairface: train.csv has file, age, gender").

    Raises:
        OptionError: no such folder, no photo in it, or none whose name or folder says something.
        LabelError: a labels file that cannot be read, or is of no layout.
    """
    name, why = _by_names(images) if labels is None else _by_columns(images, labels)
    return name, f"{name}: {why}"


def _by_columns(images: Path, labels: Path) -> tuple[str, str]:
    table = read_csv(labels)
    columns = {column.lower() for column in table.columns}
    if columns.issuperset(fairface.COLUMNS):
        return "fairface", f"{labels.name} has {', '.join(fairface.COLUMNS)}"
    own = [column for column in (*manifest.COLUMNS, *manifest.OPTIONAL) if column in columns]
    may_be_reference = columns.issuperset(reference.COLUMNS)
    if "path" in columns and {*own} - {*(reference.COLUMNS if may_be_reference else manifest.COLUMNS)}:
        return "manifest", f"{labels.name} has {', '.join(own)}"
    if may_be_reference:
        return _by_first_path(images, labels, list(read_csv(labels, ("path",))["path"]))
    raise LabelError(
        f"{labels} is of no known layout: its columns are {', '.join(table.columns)}; reference has "
        f"{', '.join(reference.COLUMNS)}, fairface {', '.join(fairface.COLUMNS)}, and manifest path and any of "
        f"{', '.join(manifest.OPTIONAL)}"
    )


def _by_first_path(images: Path, labels: Path, paths: list[str]) -> tuple[str, str]:
    """Tell reference from manifest, which may have the same columns: a path names a person's folder, or a photo."""
    root = existing_folder(images, "--images")
    columns = ", ".join(reference.COLUMNS)
    for path in (relative_name(images, path) for path in paths if path):
        if (root / path).is_dir():
            return "reference", f"{labels.name} has {columns} and one folder a person"
        if (root / path).is_file():
            return "manifest", f"{labels.name} has {columns} and one row a photo"
    raise LabelError(f"{labels}: no path in it is that of a folder or a photo in {root}; the first is {paths[0]!r}")


def _by_names(images: Path) -> tuple[str, str]:
    photos = images_below(images).photos
    named = sum(utkface.labels_in(photo.file.name) is not None for photo in photos)
    if 2 * named >= len(photos):
        return (
            "utkface",
            f"{named} of {counted(len(photos), 'photo')} {things(named, 'is', 'are')} named {utkface.PATTERN}",
        )
    if folders := {imagefolder.folder_of(photo.path) for photo in photos if imagefolder.mask_of(photo.path)}:
        return "imagefolder", f"photos lie in {', '.join(sorted(folders))}"
    there = imagefolder.in_words({imagefolder.folder_of(photo.path) or "." for photo in photos})
    raise OptionError(
        f"--images {images}: neither names nor folders of its {counted(len(photos), 'photo')} say what they show "
        f"(they lie in {there}): give the labels with --labels CSV, call folders with_mask, without_mask or "
        f"incorrect_mask, or name the layout with --layout: {', '.join(LAYOUTS)}"
    )
