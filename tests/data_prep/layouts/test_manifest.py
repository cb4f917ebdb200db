from collections import Counter

import pytest

from common.errors import LabelError, OptionError
from data_prep.layouts import manifest
from tests.data_prep.drawn_layouts import draw, write_csv
from tests.data_prep.drawn_layouts import manifest as drawn


@pytest.fixture
def read(tmp_path):
    """Reads a CSV of these rows; a.jpg, b.jpg and deep/c.png are there."""
    images = tmp_path / "images"
    for name in ("a.jpg", "b.jpg", "deep/c.png"):
        draw(images / name, "none", "male", 20)

    def read_rows(header, *rows):
        return manifest.read(images, write_csv(tmp_path / "mine.csv", header, *rows)).photos

    return read_rows


def test_every_label_comes_from_the_csv_in_its_order(tmp_path):
    photos = manifest.read(*drawn(tmp_path)).photos
    assert [photo.path for photo in photos[:4]] == ["worn/0.jpg", "incorrect/0.jpg", "none/0.jpg", "worn/1.jpg"]
    assert all(photo.mask == photo.path.split("/")[0] for photo in photos)
    assert Counter(photo.person for photo in photos) == {f"person {i}": 3 for i in range(9)}
    assert [photo.age for photo in photos[::3]][:4] == [(24, 28), (25, 25), (26, 26), (45, 49)]
    assert [photo.gender for photo in photos[::9]] == ["male", "female", "male"]


def test_one_column_of_labels_is_enough(read):
    photos = read("path,mask", "deep/c.png,Worn", "a.jpg,none")
    assert [(photo.path, photo.person, photo.mask) for photo in photos] == [
        ("deep/c.png", "deep/c.png", "worn"),
        ("a.jpg", "a.jpg", "none"),
    ]
    assert {(photo.gender, photo.age) for photo in photos} == {(None, None)}


def test_an_empty_cell_is_missing_never_a_default(read):
    header = "path,person,mask,gender,age,age_min,age_max"
    a, b = read(header, "a.jpg,,,,,,", "b.jpg,Ben,worn,female,,30,39")
    assert (a.person, a.mask, a.gender, a.age) == ("a.jpg", None, None, None)
    assert (b.person, b.mask, b.gender, b.age) == ("Ben", "worn", "female", (30, 39))


def test_people_are_strings(read):
    assert [photo.person for photo in read("path,person,age", "a.jpg,007,20", "b.jpg,7,20")] == ["007", "7"]


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        *(("50-59", (50, 59)), ("50 - 59", (50, 59)), ("50\u201359", (50, 59)), ('"(48, 53)"', (48, 53))),
        *(("37.9", (37, 37)), ("25.0", (25, 25)), ('"37,9"', (37, 37)), ("\u0663\u0667", (37, 37))),
        *(("60+", (60, 120)), (">=60", (60, 120)), ("<30", (0, 29))),
    ],
)
def test_an_age_is_a_number_or_a_range(read, age, expected):
    assert read("path,age", f"a.jpg,{age}")[0].age == expected


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        ("mask,wrong", "mask must be worn, incorrect or none, but is 'wrong'"),
        ("gender,m", "gender must be male or female, but is 'm'"),
        ("age,59-50", "age must be a number of years, 0 to 120, or a range such as 50-59, but is '59-50'"),
        ("age,121", "age must be"),
        *((f"age,{age}", "age must be") for age in ("2_1", "2e1", "inf", "Oct-19", "1960", "<0", "-", "9" * 400)),
        ("age_min,20", "age_min and age_max belong together, but one is empty"),
        ("age_max,20", "age_min and age_max belong together, but one is empty"),
        ("age_min,x,age_max,20", "age_min must be a number of years, 0 to 120, but is 'x'"),
        ("age_min,20,age_max,130", "age_max must be a number of years, 0 to 120, but is '130'"),
        ("age_min,30,age_max,20", "age_min <= age_max must hold, but they are 30 and 20"),
        ("age,20,age_min,20,age_max,20", "age is '20', so age_min and age_max must be empty"),
        ("age,20,age_min,20", "age is '20', so age_min and age_max must be empty"),
    ],
)
def test_a_label_that_cannot_be_is_named_with_its_row(read, cells, why):
    columns, values = cells.split(",")[::2], cells.split(",")[1::2]
    with pytest.raises(LabelError, match=rf"mine\.csv, row 3: {why}"):
        read(f"path,{','.join(columns)}", "a.jpg" + "," * len(columns), f"b.jpg,{','.join(values)}")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("z.jpg", "no photo z.jpg in"),
        ("deep", "no photo deep in"),
        ("./a.jpg", "path 'a.jpg' is row 2's too"),
        ("../mine.csv", "path must name something inside"),
        ("/etc/passwd", "path must name something inside"),
        ("/a.jpg", "path must name something inside"),
        ("deep/../b.jpg", "path must name something inside"),
        ("deep\\c.png", None),
        ("", "path must name something inside"),
        ("out.jpg", "path must name something inside"),
        ("away/secret.jpg", "path must name something inside"),
        ("away/back.jpg", None),
        ("round/x.jpg", "no photo round/x.jpg in"),
        ("notes.txt", "path must be the name of a photo, but is 'notes.txt'"),
        ("._a.jpg", "path must be the name of a photo"),
    ],
)
def test_a_photo_that_is_not_there_or_lies_outside_is_refused(tmp_path, read, path, why):
    images = tmp_path / "images"
    secret = draw(tmp_path / "outside" / "secret.jpg", "none", "male", 20)
    (images / "out.jpg").symlink_to(secret)
    (images / "away").symlink_to(secret.parent)
    (secret.parent / "back.jpg").symlink_to(images / "b.jpg")
    (images / "round").symlink_to("round")
    for name in ("notes.txt", "._a.jpg"):
        (images / name).write_text("")
    if why is None:
        file = images / ("deep/c.png" if path.startswith("deep") else "b.jpg")
        assert read("path,mask", "a.jpg,worn", f"{path},worn")[1].file == file
    else:
        with pytest.raises(LabelError, match=f"row 3: {why}"):
            read("path,mask", "a.jpg,worn", f"{path},worn")


def test_a_person_of_two_genders_is_refused_with_both_rows(read):
    with pytest.raises(LabelError, match="row 4: Ben is female, but in row 2 male"):
        read("path,person,gender", "a.jpg,Ben,male", "b.jpg,Ben,", "deep/c.png,Ben,female")


def test_a_person_may_be_of_several_ages(read):
    assert [photo.age for photo in read("path,person,age", "a.jpg,Ben,20", "b.jpg,Ben,60")] == [(20, 20), (60, 60)]


def test_a_csv_without_any_label_is_refused(read):
    with pytest.raises(LabelError, match="no column of labels: at least one of mask, gender, age, age_min, age_max"):
        read("path,person", "a.jpg,Ben")
    with pytest.raises(LabelError, match="no column path"):
        read("photo,mask", "a.jpg,worn")


def test_the_layout_needs_labels_and_a_folder(tmp_path):
    images, labels = drawn(tmp_path)
    with pytest.raises(
        OptionError, match="--layout manifest needs --labels: a CSV with the columns path, person, mask"
    ):
        manifest.read(images, None)
    with pytest.raises(OptionError, match="--images: no folder"):
        manifest.read(images / "nowhere", labels)


@pytest.mark.parametrize("columns", ["age,age", "age,Age", "AGE,age"])
def test_two_columns_of_one_label_are_refused_with_both(read, columns):
    with pytest.raises(LabelError, match=r"mine\.csv has two columns age, number 2 and 3: keep one of them"):
        read(f"path,{columns}", "a.jpg,,30")


def test_two_columns_that_nobody_reads_are_nobodys_concern(read):
    assert read("path,race,race,age,,", "a.jpg,x,y,30,,")[0].age == (30, 30)


def test_capitals_make_no_difference_to_a_columns_name(read):
    (photo,) = read("Path,MASK,Gender,Age", "a.jpg,worn,male,30")
    assert (photo.mask, photo.gender, photo.age) == ("worn", "male", (30, 30))


@pytest.mark.parametrize("cell", ["NA", "N/A", "nan", "NaN", "NULL", "null", "<NA>"])
def test_what_programs_write_for_nothing_is_nothing(read, cell):
    (photo,) = read("path,person,mask,gender,age", f"a.jpg,{cell},{cell},{cell},{cell}")
    assert (photo.person, photo.mask, photo.gender, photo.age) == ("a.jpg", None, None, None)


@pytest.mark.parametrize("cell", ["None", "NONE"])
def test_a_capital_none_is_not_taken_for_no_mask(read, cell):
    assert read("path,mask", "a.jpg,none")[0].mask == "none"
    with pytest.raises(LabelError, match=rf"row 2: mask is '{cell}', which may mean two things: write none \(lower"):
        read("path,mask", f"a.jpg,{cell}")


def test_whole_paths_below_the_folder_and_those_of_windows_are_accepted(tmp_path, read):
    photos = read("path,mask", f"{tmp_path}/images/a.jpg,worn", "deep\\c.png,none")
    assert [photo.path for photo in photos] == ["a.jpg", "deep/c.png"]
    with pytest.raises(LabelError, match=r"inside .*, relative to it and with /, but is 'C:/mine/a\.jpg'|no photo C:"):
        read("path,mask", "C:\\mine\\a.jpg,worn")


def test_a_photo_twice_by_two_spellings_is_refused(tmp_path, read):
    with pytest.raises(LabelError, match=r"row 3: path 'a\.jpg' is row 2's too"):
        read("path,mask", f"{tmp_path}/images/a.jpg,worn", "a.jpg,worn")


def test_photos_that_the_csv_does_not_name_are_set_aside(tmp_path, read):
    draw(tmp_path / "images/deep/d.jpg", "none", "male", 20)
    draw(tmp_path / "images/else/e.jpg", "none", "male", 20)
    listing = manifest.read(tmp_path / "images", write_csv(tmp_path / "m.csv", "path,mask", "deep/c.png,worn"))
    assert listing.aside == {"photos that m.csv does not name": ["deep/d.jpg"]}


def test_a_photo_that_a_csv_names_may_end_in_anything(tmp_path, read):
    (tmp_path / "images/a.jpg").rename(tmp_path / "images/a.jpg_1088Wx1632H")
    listing = manifest.read(tmp_path / "images", write_csv(tmp_path / "m.csv", "path,mask", "a.jpg_1088Wx1632H,worn"))
    assert listing.unusual == ["a.jpg_1088Wx1632H"]


def test_a_carriage_return_in_a_name_is_refused(tmp_path, read):
    (tmp_path / "images/a.jpg").rename(tmp_path / "images/a\r.jpg")
    with pytest.raises(LabelError, match=r"has a carriage return, so no CSV can hold it"):
        read("path,mask", '"a\r.jpg",worn')
