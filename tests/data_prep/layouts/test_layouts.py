import os
from pathlib import Path

import pytest

from common.errors import LabelError, OptionError
from data_prep.choices import LAYOUTS
from data_prep.labels import OFFICIAL_BANDS, age_band
from data_prep.layouts import known
from data_prep.layouts.folders import images_below, photos_below
from tests.data_prep import drawn_layouts
from tests.data_prep.drawn_layouts import draw, write_csv

DRAWN = {
    "utkface": drawn_layouts.utkface,
    "fairface": drawn_layouts.fairface,
    "imagefolder": drawn_layouts.imagefolder,
    "manifest": drawn_layouts.manifest,
}


def photo(file):
    return draw(file, "none", "male", 20)


def test_every_layout_but_the_reference_can_be_drawn():
    assert set(LAYOUTS) == {"reference", *DRAWN}


@pytest.mark.parametrize("name", DRAWN)
def test_a_drawn_layout_is_guessed_and_read(tmp_path, name):
    images, labels = DRAWN[name](tmp_path)
    guessed, why = known.guess(images, labels)
    assert guessed == name and why.startswith(f"{name}: ") and "\n" not in why
    photos = known.read(name, images, labels).photos
    assert 24 <= len(photos) <= 27
    assert all(photo.mask or photo.gender or photo.age for photo in photos)
    bands = {int(age_band(photo.age[0], OFFICIAL_BANDS)) for photo in photos if photo.age}
    assert bands == (set() if name == "imagefolder" else {0, 1, 2})


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("utkface", "utkface: 24 of 24 photos are named [age]_[gender]_[race]_[date]"),
        ("fairface", "fairface: fairface_label_train.csv has file, age, gender"),
        ("imagefolder", "imagefolder: photos lie in mask_weared_incorrect, with_mask, without_mask"),
        ("manifest", "manifest: mine.csv has path, person, mask, gender, age, age_min, age_max"),
    ],
)
def test_what_tells_a_layout_is_said(tmp_path, name, why):
    assert known.guess(*DRAWN[name](tmp_path)) == (name, why)


def test_the_reference_is_guessed_by_its_folders(raw):
    why = "reference: train.csv has gender, age, path and one folder a person"
    assert known.guess(raw.images, raw.labels) == ("reference", why)
    assert len(known.read("reference", raw.images, raw.labels).photos) == 70


def test_a_manifest_of_the_references_columns_is_told_by_its_photos(tmp_path):
    photo(tmp_path / "images" / "a.jpg")
    labels = write_csv(tmp_path / "mine.csv", "path,gender,age", "a.jpg,male,20")
    why = "manifest: mine.csv has gender, age, path and one row a photo"
    assert known.guess(tmp_path / "images", labels) == ("manifest", why)


def test_a_first_path_that_is_not_there_does_not_mislead(raw):
    raw.labels.write_text(raw.labels.read_text().replace("000000-1_female", "gone"))
    assert known.guess(raw.images, raw.labels)[0] == "reference"
    raw.write_csv([("gone", "male", 20)])
    with pytest.raises(LabelError, match=r"no path in it is that of a folder or a photo in .*; the first is 'gone'"):
        known.guess(raw.images, raw.labels)


@pytest.mark.parametrize("columns", ["path,sex", "file,age", "name,mask", "path", "file,path"])
def test_columns_of_no_layout_are_listed_beside_those_of_each(tmp_path, columns):
    labels = write_csv(tmp_path / "mine.csv", columns, "x,y"[: len(columns.split(",")) * 2 - 1])
    with pytest.raises(LabelError, match=f"its columns are {columns.replace(',', ', ')}; reference has .* fairface"):
        known.guess(tmp_path, labels)


def test_a_few_strange_names_do_not_hide_utkface(tmp_path):
    images, _ = drawn_layouts.utkface(tmp_path)
    for i in range(24):
        photo(images / f"with_mask/{i}.jpg")
    assert known.guess(images, None)[0] == "utkface"
    photo(images / "with_mask/last.jpg")
    assert known.guess(images, None)[0] == "imagefolder"


def test_photos_that_say_nothing_are_an_error_that_says_what_to_do(raw, tmp_path):
    with pytest.raises(OptionError, match=r"70 photos.*--labels CSV, .*--layout: reference, utkface, fairface"):
        known.guess(raw.images, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match=r"--images .*: no photo in it"):
        known.guess(tmp_path / "empty", None)
    for labels in (None, raw.labels):
        with pytest.raises(OptionError, match="--images: no folder"):
            known.guess(tmp_path / "nowhere", labels)


def test_a_labels_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(LabelError, match=r"nowhere\.csv: no such file$"):
        known.guess(tmp_path, tmp_path / "nowhere.csv")


def test_an_unknown_layout_is_answered_with_the_known_ones(tmp_path):
    with pytest.raises(OptionError, match="reference, utkface, fairface, imagefolder or manifest, but is 'coco'"):
        known.read("coco", tmp_path, None)


@pytest.mark.parametrize("name", LAYOUTS)
def test_labels_must_be_given_where_they_are_used_and_only_there(tmp_path, name):
    unfit = Path("labels.csv") if name in ("utkface", "imagefolder") else None
    with pytest.raises(OptionError, match=f"--layout {name} .*--labels") as error:
        known.read(name, tmp_path, unfit)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["utkface", "imagefolder"])
@pytest.mark.parametrize("link", ["photo.jpg", "folder"])
def test_a_link_that_leaves_the_images_folder_is_refused_by_name(tmp_path, name, link):
    images, _ = DRAWN[name](tmp_path)
    secret = photo(tmp_path / "outside" / "20_0_0_20170109150557335.jpg")
    (images / link).symlink_to(secret.parent if link == "folder" else secret)
    for look in (lambda: known.read(name, images, None), lambda: known.guess(images, None)):
        with pytest.raises(LabelError, match=f": {link} is a link to .*outside"):
            look()


def test_links_inside_are_read_and_never_round_in_circles(tmp_path):
    file = photo(tmp_path / "pool" / "1.jpg")
    (tmp_path / "with_mask").mkdir()
    (tmp_path / "with_mask" / "2.jpg").symlink_to(file)
    (tmp_path / "again").symlink_to(tmp_path)
    (tmp_path / "round").symlink_to("round")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "README").symlink_to("/etc/hosts")
    (tmp_path / "round.jpg").symlink_to("round.jpg")
    assert [(photo.path, photo.file) for photo in images_below(tmp_path).photos] == [
        ("pool/1.jpg", file),
        ("with_mask/2.jpg", file),
    ]


def test_photos_of_any_folder_are_found_below_it_by_name(tmp_path, raw):
    folder = tmp_path / "mine"
    for name in ("b.png", "deep/a.jpg", "A.JPEG", ".hidden/c.jpg", ".d.jpg", "deep-er/a.jpg"):
        raw.photo(folder / name, (0, 0, 0)) if not name.startswith(".d") else (folder / name).write_bytes(b"")
    (folder / "._b.png").write_bytes(b"")
    (folder / "no.jpg").mkdir()
    os.mkfifo(folder / "pipe.jpg")
    for found in (photos_below(folder), images_below(folder)):
        assert [photo.path for photo in found.photos] == ["A.JPEG", "b.png", "deep/a.jpg", "deep-er/a.jpg"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(OptionError, match="no photo in it"):
        photos_below(tmp_path / "empty")


def test_photos_to_predict_may_be_links_to_anywhere(tmp_path):
    file = photo(tmp_path / "elsewhere" / "a.jpg")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "b.jpg").symlink_to(file)
    assert [photo.path for photo in photos_below(tmp_path / "mine").photos] == ["b.jpg"]


def test_a_name_that_no_csv_can_hold_is_refused(tmp_path):
    photo(tmp_path / "a.jpg").rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xe4.jpg"))
    with pytest.raises(OptionError, match=r"the name '\\udce4\.jpg' is not UTF-8"):
        images_below(tmp_path)


@pytest.mark.parametrize("columns", ["path,age", "path,gender", "path,mask", "path,gender,age_min,age_max"])
def test_a_path_and_one_label_are_a_manifest(tmp_path, columns):
    labels = write_csv(tmp_path / "mine.csv", columns, ",".join("x" for _ in columns.split(",")))
    assert known.guess(tmp_path, labels) == ("manifest", f"manifest: mine.csv has {columns.replace(',', ', ')}")


def test_folders_that_say_nothing_are_named(tmp_path):
    photo(tmp_path / "mit Maske" / "1.jpg")
    with pytest.raises(OptionError, match=r"they lie in mit Maske\): .* call folders with_mask, without_mask or"):
        known.guess(tmp_path, None)


@pytest.mark.parametrize("folder", ["@eaDir", "__MACOSX", "#recycle", "$RECYCLE.BIN", ".thumbnails"])
def test_copies_that_systems_keep_are_no_photos_of_their_own(tmp_path, folder):
    photo(tmp_path / "with_mask" / "1.jpg")
    photo(tmp_path / "with_mask" / folder / "1.jpg" / "SYNOPHOTO_THUMB_M.jpg")
    found = images_below(tmp_path)
    assert [each.path for each in found.photos] == ["with_mask/1.jpg"]
