import re
from dataclasses import replace

import pytest

from common.errors import LabelError
from data_prep import corrections
from data_prep.layouts import reference, utkface
from data_prep.layouts.listing import Listing, Photo
from tests.data_prep import drawn_layouts
from tests.data_prep.drawn_layouts import write_csv

ANNA, BEN = "000020_female_Asian_50", "000021_male_Asian_25"
TWINS = ("003397_female_Asian_60", "003397_male_Asian_60")


@pytest.fixture
def listing(raw):
    """Four people of seven photos; two of them have one id."""
    people = [(ANNA, "female", 50), (BEN, "male", 25), (TWINS[0], "female", 60), (TWINS[1], "male", 60)]
    raw.write_people(people)
    return reference.read(raw.images, raw.labels)


@pytest.fixture
def correct(tmp_path, listing):
    """Applies rows of a corrections file to the listing, and returns its photos by path, and the report."""

    def apply(*rows, header="target,field,value,why", to=listing):
        file = write_csv(tmp_path / "fixes.csv", header, *rows)
        corrected, report = corrections.apply(to, corrections.read([str(file)]))
        return {photo.path: photo for photo in corrected.photos}, report

    return apply


def changed(listing, photos):
    return {photo.path for photo in listing.photos if photos[photo.path] != photo}


def labels_of(photos, person):
    return {(photo.gender, photo.age) for photo in photos.values() if photo.person == person}


@pytest.mark.parametrize("target", ["000020", ANNA, f"{ANNA}/"])
def test_a_person_is_named_by_id_or_by_path_and_all_their_photos_change(listing, correct, target):
    photos, report = correct(f"{target},gender,male,looks it")
    assert changed(listing, photos) == {photo.path for photo in listing.photos if photo.person == ANNA}
    assert labels_of(photos, ANNA) == {("male", (50, 50))}
    assert report == [f"{target.rstrip('/')}: gender female -> male in 7 photos (looks it)"]


@pytest.mark.parametrize("name", ["000020/normal", "000020/normal.jpg", f"{ANNA}/normal", f"{ANNA}/normal.jpg"])
def test_a_photo_is_named_by_path_or_id_with_or_without_extension_and_no_other_changes(listing, correct, name):
    photos, report = correct(f"{name},mask,incorrect,swapped")
    assert changed(listing, photos) == {f"{ANNA}/normal.jpg"}
    assert photos[f"{ANNA}/normal.jpg"].mask == "incorrect"
    assert report == [f"{name}: mask none -> incorrect (swapped)"]


@pytest.mark.parametrize(
    ("value", "expected", "word"),
    [("37", (37, 37), "37"), ("30-39", (30, 39), "30-39"), ("missing", None, "missing"), ("Missing", None, "missing")],
)
def test_an_age_may_become_a_number_a_range_or_missing(correct, value, expected, word):
    photos, report = correct(f"000020,age,{value},")
    assert labels_of(photos, ANNA) == {("female", expected)}
    assert report == [f"000020: age 50 -> {word} in 7 photos"]


def test_a_whole_name_goes_before_a_short_one(correct):
    listed = Listing([Photo(path, path, person) for path, person in (("a.jpg", "Ben"), ("b.jpg", "a"))])
    photos, _ = correct("a,gender,male,", to=listed)
    assert [photo.gender for photo in photos.values()] == [None, "male"]
    assert [photo.gender for photo in correct("a.jpg,gender,male,", to=listed)[0].values()] == ["male", None]


def test_two_corrections_may_swap_two_photos_and_order_makes_no_difference(listing, correct):
    rows = ("000020/normal,mask,incorrect,", "000020/incorrect_mask,mask,none,", "000020,gender,male,")
    photos, _ = correct(*rows)
    assert photos[f"{ANNA}/normal.jpg"].mask == "incorrect"
    assert photos[f"{ANNA}/incorrect_mask.jpg"].mask == "none"
    assert labels_of(photos, ANNA) == {("male", (50, 50))}
    assert correct(*reversed(rows))[0] == photos


def test_the_listing_that_was_given_stays_as_it_was(listing, correct):
    before = list(listing.photos)
    correct("000020,gender,male,")
    assert listing.photos == before


def test_what_is_no_label_survives(listing):
    given = replace(listing, unused=["x.jpg"])
    corrected, report = corrections.apply(given, [])
    assert (corrected, report) == (given, [])


def test_rows_without_a_value_are_passed_over_and_counted(listing, correct, tmp_path):
    header = "rank,target,field,label,value,why"
    photos, report = correct("1,000020,gender,female,male,x", "2,nobody,gender,,,", "3,000020,mask,,,", header=header)
    assert labels_of(photos, ANNA) == {("male", (50, 50))}
    assert report[1:] == [f"{tmp_path / 'fixes.csv'}: rows without a value, passed over: 2"]
    assert changed(listing, correct("000020,gender,,")[0]) == set()


def test_columns_may_come_in_any_order_beside_others(correct):
    photos, _ = correct("x,male,gender,000020,1", header="why,value,field,target,rank")
    assert labels_of(photos, ANNA) == {("male", (50, 50))}


def test_a_missing_label_may_be_given(correct):
    bare = Listing([Photo("a.jpg", "a.jpg", "a.jpg")])
    photos, report = correct("a.jpg,gender,male,", "a,age,20,", to=bare)
    assert (photos["a.jpg"].gender, photos["a.jpg"].age, photos["a.jpg"].mask) == ("male", (20, 20), None)
    assert report == ["a.jpg: gender missing -> male", "a: age missing -> 20"]


def test_photos_of_different_ages_may_get_one(correct):
    listed = Listing([Photo(f"{i}.jpg", f"{i}.jpg", "Ben", age=(20 + i, 20 + i)) for i in range(3)])
    photos, report = correct("Ben,age,20,", to=listed)
    assert {photo.age for photo in photos.values()} == {(20, 20)}
    assert report == ["Ben: age 20/21/22 -> 20 in 2 photos"]


def test_a_persons_mask_may_be_corrected_where_all_photos_have_the_same(correct):
    listed = Listing([Photo(f"{i}.jpg", f"{i}.jpg", "Ben", mask="worn") for i in range(2)])
    assert correct("Ben,mask,none,", to=listed)[1] == ["Ben: mask worn -> none in 2 photos"]


def test_photos_of_other_layouts_are_named_by_their_paths(tmp_path, correct):
    listed = utkface.read(*drawn_layouts.utkface(tmp_path))
    first = listed.photos[0]
    photos, _ = correct(f"{first.path},age,99,", f"{listed.photos[1].path.removesuffix('.jpg')},age,98,", to=listed)
    assert [photo.age for photo in photos.values()][:2] == [(99, 99), (98, 98)]
    assert changed(listed, photos) == {photo.path for photo in listed.photos[:2]}


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("000022,gender,male,", "000022 matches nobody; the nearest name is 00002"),
        ("20,gender,male,", "20 matches nobody; the nearest name is 000020"),
        ("20/normal,mask,worn,", "20/normal matches nobody; the nearest name is 000020/normal"),
        ("000020/norml.jpg,mask,worn,", "matches nobody; the nearest name is 000020/normal.jpg"),
        ("zzz,gender,male,", "zzz matches nobody"),
        ("003397,gender,male,", f"003397 stands for 2 people or photos: write {TWINS[0]} or {TWINS[1]} instead"),
        ("003397/normal,mask,worn,", f"write {TWINS[0]}/normal.jpg or {TWINS[1]}/normal.jpg instead"),
        ("000020,gender,female,", "000020: gender is female already; remove the row"),
        ("000020/normal,mask,none,", "000020/normal: mask is none already; remove the row"),
        ("000020,age,50,", "000020: age is 50 already; remove the row"),
        ("000020,mask,worn,", f"of several mask states, incorrect/worn/none: name one, e.g. {ANNA}/incorrect_mask.jpg"),
        ("000020,race,asian,", "000020: field must be mask, gender, age, but is 'race'"),
        ("000020,gender,man,", "000020: gender must be male or female, but is 'man'"),
        ("000020/normal,mask,off,", "000020/normal: mask must be worn, incorrect or none, but is 'off'"),
        ("000020,age,old,", "000020: age must be a number of years, 0 to 120, or a range such as 50-59, but is 'old'"),
        (",gender,male,", "target is empty: name a person or a photo"),
    ],
)
def test_a_correction_that_cannot_take_effect_is_an_error_with_file_row_and_target(correct, row, why):
    with pytest.raises(LabelError, match=re.escape(why)) as error:
        correct("000021,gender,female,", row)
    assert re.search(r"fixes\.csv, row 3: ", str(error.value))
    assert "\n" not in str(error.value) and "more" not in str(error.value)


def test_a_name_that_two_photos_share_is_refused_and_the_extension_tells_them_apart(raw, correct):
    raw.photo(raw.images / ANNA / "mask1.png", (1, 2, 3))
    listed = reference.read(raw.images, raw.labels)
    with pytest.raises(LabelError, match=f"write {ANNA}/mask1.jpg or {ANNA}/mask1.png instead"):
        correct("000020/mask1,mask,none,", to=listed)
    assert correct("000020/mask1.png,mask,none,", to=listed)[0][f"{ANNA}/mask1.jpg"].mask == "worn"


@pytest.mark.parametrize("value", ["incorrect", "worn"])
def test_two_corrections_of_one_label_are_refused_whether_they_agree_or_not(correct, value):
    with pytest.raises(
        LabelError, match=rf"row 3: .*the mask of {ANNA}/normal\.jpg is also corrected in .*row 2; keep"
    ):
        correct("000020/normal,mask,incorrect,", f"{ANNA}/normal.jpg,mask,{value},")
    with pytest.raises(LabelError, match=r"row 3: .*is also corrected in"):
        correct("000020,gender,male,", f"000020/normal,gender,{'male' if value == 'worn' else 'missing'},")


def test_all_that_is_wrong_is_said_at_once_in_one_line(correct):
    rows = [f"nobody{i},gender,male," for i in range(5)]
    with pytest.raises(LabelError) as error:
        correct(*rows)
    message = str(error.value)
    assert [f"nobody{i}" in message for i in range(5)] == [True, True, True, False, False]
    assert message.endswith("; and 2 more") and "\n" not in message


def test_every_row_of_a_file_is_checked_before_it_is_refused(correct):
    with pytest.raises(LabelError, match=r"row 2: 000020: field .*; .*row 4: 000020: gender must") as error:
        correct("000020,race,x,", "000021,gender,female,", "000020,gender,x,")
    assert "row 3" not in str(error.value)


def test_files_that_cannot_be_read_are_named_together(tmp_path):
    bad = write_csv(tmp_path / "bad.csv", "target,field,value", "x,gender,male")
    with pytest.raises(
        LabelError, match=r"agred: no such file.*known here: agreed, doubtful; .*bad\.csv has no column why"
    ):
        corrections.read(["agred", str(bad)])


def test_an_unquoted_comma_is_an_error_and_not_a_shifted_row(tmp_path):
    file = write_csv(tmp_path / "fixes.csv", "target,field,value,why", "000020,gender,male,recorded female, is male")
    with pytest.raises(LabelError, match="more cells than the header has columns: quote a cell that holds a comma"):
        corrections.read([str(file)])


def test_ids_stay_strings_and_files_keep_their_order(tmp_path):
    first = write_csv(tmp_path / "a.csv", "target,field,value,why", "000020,gender,male,x")
    second = write_csv(tmp_path / "b.csv", "target,field,value,why", "1e5,age,20,")
    read = corrections.read([str(second), str(first)])
    assert [(row.source.name, row.row, row.target, row.value) for row in read] == [
        ("b.csv", 2, "1e5", "20"),
        ("a.csv", 2, "000020", "male"),
    ]
