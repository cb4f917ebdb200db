import pytest

from common.errors import LabelError, OptionError
from data_prep.layouts import utkface
from tests.data_prep.drawn_layouts import PEOPLE, draw
from tests.data_prep.drawn_layouts import utkface as drawn


def read(folder, *names):
    for name in names:
        draw(folder / name, "none", "male", 20)
    return utkface.read(folder, None)


def test_names_tell_gender_and_age_and_nothing_else(tmp_path):
    listing = utkface.read(*drawn(tmp_path))
    assert len(listing.photos) == 24 and listing.unused == [] and listing.ids == {}
    assert sorted((photo.gender, photo.age) for photo in listing.photos) == sorted(
        (gender, (age, age)) for _, gender, age in PEOPLE
    )
    assert {photo.mask for photo in listing.photos} == {None}


def test_each_photo_is_a_person_of_its_own(tmp_path):
    photos = utkface.read(*drawn(tmp_path)).photos
    assert [photo.person for photo in photos] == [photo.path for photo in photos]
    assert len({photo.person for photo in photos}) == 24


@pytest.mark.parametrize(
    ("name", "gender", "age"),
    [
        ("1_0_0_20161219140623097.jpg", "male", 1),
        ("116_1_4_20170120134921760.jpg.chip.jpg", "female", 116),
        ("61_1_20170109142408075.jpg", "female", 61),
        ("39_0_20170116174525125.jpg.chip.jpg", "male", 39),
        ("24_0_1_20170116220224657 .png", "male", 24),
    ],
)
def test_real_names_are_understood(tmp_path, name, gender, age):
    (photo,) = read(tmp_path, f"deep/below/{name}").photos
    assert (photo.path, photo.gender, photo.age) == (f"deep/below/{name}", gender, (age, age))


@pytest.mark.parametrize(
    "name",
    [
        *("cat.jpg", "20_2_0_20170109150557335.jpg", "61_3_20170109150557335.jpg", "121_0_0_20170109150557335.jpg"),
        *("_0_0_20170109150557335.jpg", "20_0.jpg", "00012_Mask.jpg", "1.5_0_0_20170109150557335.jpg"),
        "20_0_0_2017.jpg",
    ],
)
def test_names_that_do_not_tell_gender_and_age_are_left_aside(tmp_path, name):
    listing = read(tmp_path, "20_0_0_20170109150557335.jpg", name)
    assert listing.unused == [name]
    assert [photo.age for photo in listing.photos] == [(20, 20)]


def test_no_name_that_tells_is_an_error_with_an_example(tmp_path):
    with pytest.raises(LabelError, match=r"no photo is named \[age\]_\[gender\]_\[race\]_\[date\].*one is cat\.jpg$"):
        read(tmp_path, "cat.jpg", "dog.jpg")


def test_labels_are_of_no_use_to_it(tmp_path):
    images, _ = drawn(tmp_path)
    with pytest.raises(OptionError, match=r"--layout utkface has its labels from .*: leave out --labels a\.csv"):
        utkface.read(images, tmp_path.relative_to(tmp_path) / "a.csv")
