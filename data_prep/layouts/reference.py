"""The reference task's layout: which photos there are, and what their folders and CSV files say of them.

train.csv           id,gender,race,age,path: one row a person, who is the `path` (an id may stand for two people)
images/<path>/      mask1..mask5, incorrect_mask, normal, each with any photo extension
eval/info.csv       ImageID,ans: one row a photo to predict
eval/images/        <ImageID>
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from common.errors import LabelError
from data_prep.layouts.folders import Aside, existing_folder, names_of_folders, photo_names
from data_prep.layouts.labels_file import age_of, gender_of, needed_labels, read_csv, refuse_repeats
from data_prep.layouts.listing import Age, Listing, Photo
from data_prep.layouts.named import Named, Spelling, inside, relative_name

COLUMNS = ("gender", "age", "path")
MASK_OF = {**{f"mask{i}": "worn" for i in range(1, 6)}, "incorrect_mask": "incorrect", "normal": "none"}
EVAL_CSV, EVAL_IMAGES = "info.csv", "images"

SAMPLE_JSON = "sample.json"
"""Beside train/ and eval/ where the photos are drawn: what they were drawn from."""


def read(images: Path, labels: Path | None) -> Listing:
    """Read the photos of the people in the labels CSV, in its order and by name within a person.

    Raises:
        OptionError: no such folder, or no `labels`.
        LabelError: a missing file or column; a row with an unknown gender, an impossible age, or another row's path;
            a person's folder that is outside `images`, missing, or has no photo.
    """
    labels = needed_labels("reference", labels, COLUMNS)
    table = read_csv(labels, COLUMNS, optional=("id",))
    genders = [gender_of(labels, row, value) for row, value in table["gender"].items()]
    ages = [age_of(labels, row, value) for row, value in table["age"].items()]
    root = existing_folder(images, "--images")
    spelling = Spelling(root)
    table["path"] = table["path"].map(lambda path: spelling.of(relative_name(images, path)))
    refuse_repeats(labels, "path", table["path"])
    aside = Aside()
    photos: list[Photo] = []
    unused: list[str] = []
    for row, person, gender, age in zip(table.index, table["path"], genders, ages, strict=True):
        theirs, strange = _photos_of(person, gender, age, root, labels, row, aside)
        photos += theirs
        unused += strange
    people = {path.partition("/")[0] for path in table["path"]}
    for folder in names_of_folders(root):
        if folder not in people:
            aside.put(f"folders that {labels.name} does not name", folder)
    ids = {str(number): list(paths) for number, paths in table.groupby("id")["path"]} if "id" in table else {}
    return Listing(photos, unused, ids, aside.paths, aside.unusual)


def _photos_of(
    person: str, gender: str, age: Age, root: Path, labels: Path, row: int, aside: Aside
) -> tuple[list[Photo], list[str]]:
    """Find a person's photos, and the paths of those whose names say no mask state."""
    folder = inside(labels, row, "path", root, person)
    if not folder.is_dir():
        raise LabelError(f"{labels}, row {row}: no folder {person} in {root}")
    names = photo_names(folder, f"{person}/", aside)
    found = {str(PurePosixPath(person) / name): MASK_OF.get(Path(name).stem.lower()) for name in names}
    files = [folder / PurePosixPath(path).name for path in found]
    photos = [
        Photo(inside(labels, row, "path", root, path) if file.is_symlink() else file, path, person, mask, gender, age)
        for file, (path, mask) in zip(files, found.items(), strict=True)
        if mask is not None
    ]
    if not photos:
        raise LabelError(f"{labels}, row {row}: {folder} has no photo named mask1..mask5, incorrect_mask or normal")
    return photos, [path for path, mask in found.items() if mask is None]


def read_eval(eval_dir: Path) -> list[Photo]:
    """Read the photos to predict, in the order of info.csv; each is its own person.

    Raises:
        OptionError: no such folder. LabelError: info.csv or a photo that it lists is missing, or listed twice.
    """
    root = existing_folder(eval_dir / EVAL_IMAGES, "--eval")
    info = eval_dir / EVAL_CSV
    names = read_csv(info, ("ImageID",))["ImageID"]
    refuse_repeats(info, "ImageID", names)
    named = Named(info, "ImageID", root)
    return [Photo(named.file(row, name), name, name, to_predict=True) for row, name in names.items()]
