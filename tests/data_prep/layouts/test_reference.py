import os

import pytest

from common.errors import LabelError, OptionError
from data_prep.layouts import reference
from data_prep.layouts.reference import read_eval

ANNA, BEN = ("000001-1_female_Asian_25", "female", 25), ("000001-2_male_Asian_60", "male", 60)


def listed(raw):
    listing = reference.read(raw.images, raw.labels)
    return listing.photos, listing.unused


def test_people_are_told_apart_by_path_and_ids_stay_strings(raw):
    listing = reference.read(raw.images, raw.labels)
    people = {photo.person: photo for photo in listing.photos}
    assert list(people)[-2:] == ["003397_female_Asian_60", "003397_male_Asian_60"]
    assert next(iter(people)) == "000000-1_female_Asian_20"
    assert people["003397_male_Asian_60"].gender == "male"
    assert [photo.age for photo in people.values()][:2] == [(20, 20), (21, 21)]
    assert listing.ids["003397"] == ["003397_female_Asian_60", "003397_male_Asian_60"]
    assert listing.ids["000000-1"] == ["000000-1_female_Asian_20"]


def test_labels_come_from_the_csv_and_the_files_names(raw):
    photos, strange = listed(raw)
    assert len(photos) == 70 and strange == []
    first = photos[:7]
    assert [photo.mask for photo in first] == ["incorrect", *["worn"] * 5, "none"]
    assert first[0].path == "000000-1_female_Asian_20/incorrect_mask.jpg"
    assert (first[0].gender, first[0].age) == ("female", (20, 20))


def test_extensions_mix_and_twins_of_macos_are_no_photos(raw):
    folder = raw.images / ANNA[0]
    for name in ("mask1.JPG", "mask2.png", "mask3.jpeg", "normal.webp"):
        raw.photo(folder / name, (1, 2, 3))
    for name in ("._mask1.JPG", "._normal.webp", "notes.txt", ".DS_Store"):
        (folder / name).write_bytes(b"\0\5\26\7")
    raw.write_csv([ANNA])
    photos, strange = listed(raw)
    assert [photo.file.name for photo in photos] == ["mask1.JPG", "mask2.png", "mask3.jpeg", "normal.webp"]
    assert strange == []


def test_photos_whose_names_say_nothing_are_pointed_out(raw):
    raw.write_people([ANNA], ["normal", "mask6", "mask"])
    photos, strange = listed(raw)
    assert [photo.mask for photo in photos] == ["none"]
    assert strange == [f"{ANNA[0]}/mask.jpg", f"{ANNA[0]}/mask6.jpg"]


def test_a_missing_column_is_named_beside_those_that_are_there(raw):
    raw.labels.write_text("id,sex,race,age\n1,male,Asian,20\n")
    with pytest.raises(LabelError, match=r"train\.csv has no column gender, path: its columns are id, sex, race, age$"):
        listed(raw)


@pytest.mark.parametrize("gender", ["diverse", "", "1", "m"])
def test_an_unknown_gender_is_named_with_its_row(raw, gender):
    raw.write_csv([ANNA, (BEN[0], gender, 60)])
    with pytest.raises(LabelError, match=f"row 3: gender must be male or female, but is '{gender}'"):
        listed(raw)


@pytest.mark.parametrize("age", ["young", "", "-1", "121", "nan", "inf", "20-29"])
def test_an_age_that_is_none_is_named_with_its_row(raw, age):
    raw.write_csv([ANNA, (BEN[0], "male", age)])
    with pytest.raises(LabelError, match=f"row 3: age must be a number of years, 0 to 120, but is '{age}'"):
        listed(raw)


def test_blank_lines_and_stray_spaces_do_no_harm_and_rows_keep_their_numbers(raw):
    raw.labels.write_text("\ufeffid,gender, age,path\n\n1, Male ,25.0, p \n\n2,male,x,q\n")
    with pytest.raises(LabelError, match="row 5: age"):
        listed(raw)
    raw.labels.write_text("\ufeffid,gender, age,path\n\n1, Male ,25.0, p \n\n")
    raw.photo(raw.images / "p" / "normal.jpg", (1, 2, 3))
    (photo,), _ = listed(raw)
    assert (photo.person, photo.age, photo.gender) == ("p", (25, 25), "male")


def test_a_person_listed_twice_is_refused(raw):
    raw.write_csv([ANNA, BEN, (f"./{ANNA[0]}", "male", 30)])
    with pytest.raises(LabelError, match=f"row 4: path '{ANNA[0]}' is row 2's too"):
        listed(raw)


@pytest.mark.parametrize("content", [b"", b"id,gender,age,path\n", b"\xff\xfe\x00", b'gender,age,path\n"'])
def test_a_file_that_is_no_csv_is_refused_in_one_line(raw, content):
    raw.labels.write_bytes(content)
    with pytest.raises(LabelError, match=r"train\.csv") as error:
        listed(raw)
    assert "\n" not in str(error.value)


def test_a_missing_csv_says_what_it_should_be(tmp_path):
    with pytest.raises(LabelError, match=r"no such file; it should be a CSV with the columns gender, age, path"):
        reference.read(tmp_path, tmp_path / "train.csv")


@pytest.mark.parametrize("path", ["../outside", "/etc", "a/../../outside", "", ".", "a\\..\\b", "link"])
def test_a_path_that_leaves_the_images_folder_is_refused(raw, path):
    outside = raw.root / "outside"
    raw.photo(outside / "normal.jpg", (0, 0, 0))
    (raw.images / "link").symlink_to(outside)
    raw.write_csv([ANNA, (path, "male", 20)])
    (raw.images / ANNA[0]).mkdir()
    raw.photo(raw.images / ANNA[0] / "normal.jpg", (0, 0, 0))
    with pytest.raises(LabelError, match="row 3: path must name something inside"):
        listed(raw)


def test_a_photo_that_links_outside_is_refused(raw):
    secret = raw.photo(raw.root / "secret.jpg", (0, 0, 0))
    folder = raw.images / ANNA[0]
    folder.mkdir()
    (folder / "normal.jpg").symlink_to(secret)
    raw.write_csv([ANNA])
    with pytest.raises(LabelError, match="row 2: path must name something inside"):
        listed(raw)


def test_what_is_no_regular_file_is_no_photo(raw):
    raw.write_people([ANNA], ["mask1"])
    os.mkfifo(raw.images / ANNA[0] / "normal.jpg")
    (raw.images / ANNA[0] / "mask2.jpg").mkdir()
    photos, _ = listed(raw)
    assert [photo.mask for photo in photos] == ["worn"]


def test_a_missing_or_empty_person_is_named_with_the_row(raw):
    raw.write_csv([ANNA])
    with pytest.raises(LabelError, match=f"row 2: no folder {ANNA[0]} in"):
        listed(raw)
    (raw.images / ANNA[0]).mkdir()
    with pytest.raises(LabelError, match=r"row 2: .* has no photo named mask1"):
        listed(raw)


def test_a_missing_images_folder_is_named(raw):
    with pytest.raises(OptionError, match="--images: no folder"):
        reference.read(raw.root / "nowhere", raw.labels)


def test_photos_to_predict_keep_the_order_of_their_csv(raw):
    photos = read_eval(raw.eval)
    assert [photo.path for photo in photos] == ["b.jpg", "a.jpg", "c.png"]
    assert {photo.mask for photo in photos} == {None}
    assert [photo.person for photo in photos] == ["b.jpg", "a.jpg", "c.png"]


def test_a_photo_to_predict_must_be_there_once_and_inside(raw):
    info = raw.eval / "info.csv"
    for name, why in (("z.jpg", "row 3: no photo z.jpg"), ("../info.csv", "row 3: ImageID must"), ("b.jpg", "row 2's")):
        info.write_text(f"ImageID,ans\nb.jpg,0\n{name},0\n")
        with pytest.raises(LabelError, match=why):
            read_eval(raw.eval)
    info.write_text("name\nb.jpg\n")
    with pytest.raises(LabelError, match="no column ImageID"):
        read_eval(raw.eval)
    with pytest.raises(OptionError, match="--eval: no folder"):
        read_eval(raw.root / "nowhere")


def test_a_csv_whose_rows_have_more_cells_than_its_header_is_refused(raw):
    raw.labels.write_text("id,gender,age,path\n1,male,20,p,\n2,male,30,q,\n")
    with pytest.raises(LabelError, match="row 2 has more cells than the header has columns"):
        listed(raw)


def test_a_column_that_is_there_twice_is_refused(raw):
    raw.labels.write_text("id,gender,age, age,path\n1,male,20,30,p\n")
    with pytest.raises(LabelError, match=r"train\.csv has two columns age, number 3 and 4: keep one"):
        listed(raw)


def test_a_photo_that_links_to_another_inside_is_that_photo(raw):
    raw.write_people([ANNA], ["normal"])
    link = raw.images / ANNA[0] / "mask1.jpg"
    link.symlink_to("normal.jpg")
    photos, _ = listed(raw)
    assert [(photo.path, photo.file.name) for photo in photos] == [
        (f"{ANNA[0]}/mask1.jpg", "normal.jpg"),
        (f"{ANNA[0]}/normal.jpg", "normal.jpg"),
    ]


def test_the_layout_needs_labels(raw):
    with pytest.raises(
        OptionError, match="--layout reference needs --labels: a CSV with the columns gender, age, path"
    ):
        reference.read(raw.images, None)


def test_people_that_the_csv_does_not_name_and_photos_of_odd_names_are_said(raw):
    person = raw.images / "000010_male_Asian_40"
    (person / "normal.jpg").rename(person / "normal.jpg_1088Wx1632H")
    (person / "._mask1.jpg").write_bytes(b"")
    raw.photo(raw.images / "stranger" / "normal.jpg", (1, 2, 3))
    listing = reference.read(raw.images, raw.labels)
    assert len(listing.photos) == 70 and listing.unusual == ["000010_male_Asian_40/normal.jpg_1088Wx1632H"]
    assert [*listing.aside.values()] == [["000010_male_Asian_40/._mask1.jpg"], ["stranger"]]
