import pytest

from common.errors import LabelError, OptionError
from data_prep.layouts import fairface
from tests.data_prep.drawn_layouts import draw, write_csv
from tests.data_prep.drawn_layouts import fairface as drawn


@pytest.fixture
def read(tmp_path):
    """Reads a CSV of these rows; val/1.jpg and val/2.jpg are there."""
    images = tmp_path / "images"
    for i in (1, 2):
        draw(images / "val" / f"{i}.jpg", "none", "male", 20)

    def read_rows(*rows, header="file,age,gender"):
        return fairface.read(images, write_csv(tmp_path / "val.csv", header, *rows)).photos

    return read_rows


def test_the_csv_tells_gender_and_a_range_of_ages_and_nothing_else(tmp_path):
    listing = fairface.read(*drawn(tmp_path))
    photos = listing.photos
    assert [photo.path for photo in photos] == [f"train/{i}.jpg" for i in range(1, 25)]
    assert [photo.person for photo in photos] == [photo.path for photo in photos]
    assert {photo.age for photo in photos} == {(20, 29), (40, 49), (70, 120)}
    assert [photo.gender for photo in photos] == ["male"] * 12 + ["female"] * 12
    assert {photo.mask for photo in photos} == {None}
    assert all(photo.file.is_file() for photo in photos)
    assert listing.unused == []


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        *(("0-2", (0, 2)), ("3-9", (3, 9)), ("10-19", (10, 19)), ("60-69", (60, 69)), ("37", (37, 37))),
        *(("more than 70", (70, 120)), ("More than 70", (70, 120)), ("", None)),
    ],
)
def test_ages_are_ranges_and_an_empty_one_is_missing(read, age, expected):
    (photo,) = read(f"val/1.jpg,{age},Female")
    assert (photo.age, photo.gender) == (expected, "female")


def test_an_empty_gender_is_missing_not_a_default(read):
    (photo,) = read("val/1.jpg,20-29,")
    assert photo.gender is None


@pytest.mark.parametrize("age", ["29-20", "20-", "-20", "20-29-30", "100-130", "old", "3-Sep", "less than 3"])
def test_an_age_that_is_none_is_named_with_its_row(read, age):
    with pytest.raises(LabelError, match=f"row 3: age must be .*, or a range such as 50-59, but is '{age}'"):
        read("val/1.jpg,20-29,Male", f"val/2.jpg,{age},Male")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("val/2.jpg,20-29,Mal", "row 3: gender must be male or female, but is 'Mal'"),
        ("val/3.jpg,20-29,Male", "row 3: no photo val/3.jpg in"),
        ("val/1.jpg,20-29,Male", "row 3: file 'val/1.jpg' is row 2's too"),
        ("../val.csv,20-29,Male", "row 3: file must name something inside"),
        ("val,20-29,Male", "row 3: no photo val in"),
    ],
)
def test_a_row_that_cannot_be_is_named(read, row, why):
    with pytest.raises(LabelError, match=why):
        read("val/1.jpg,20-29,Male", row)


def test_a_missing_column_is_named(read):
    with pytest.raises(LabelError, match=r"val\.csv has no column gender: its columns are file, age, sex"):
        read("val/1.jpg,20-29,Male", header="file,age,sex")


def test_the_layout_needs_labels_and_a_folder(tmp_path):
    images, labels = drawn(tmp_path)
    with pytest.raises(OptionError, match="--layout fairface needs --labels: a CSV with the columns file, age, gender"):
        fairface.read(images, None)
    with pytest.raises(OptionError, match="--images: no folder"):
        fairface.read(images / "nowhere", labels)
