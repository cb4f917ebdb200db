import pytest

from common.errors import LabelError
from data_prep import corrections
from data_prep.layouts import reference

SWAPPED = ("000020", "004418", "005227")
RECORDED_FEMALE = tuple(f"00{number}" for number in range(6359, 6365))
RECORDED_MALE = ("001498-1", "004432")


@pytest.fixture
def real_ids(raw):
    """People with the ids of the shipped corrections, labelled as the reference task has them, and one more."""
    female = [*SWAPPED, *RECORDED_FEMALE, "001720", "000645", "003574"]
    male = [*RECORDED_MALE, "005223", "001498-2"]
    people = [(f"{i}_female_Asian_30", "female", 30) for i in female] + [
        (f"{i}_male_Asian_30", "male", 30) for i in male
    ]
    raw.write_people(people)
    return reference.read(raw.images, raw.labels)


def corrected(listing, *names):
    after, report = corrections.apply(listing, corrections.read(names))
    pairs = zip(listing.photos, after.photos, strict=True)
    changes = {
        (new.person.split("_")[0], new.file.stem, new.mask, new.gender)
        for old, new in pairs
        if (old.mask, old.gender, old.age) != (new.mask, new.gender, new.age)
    }
    return changes, report


def genders(ids, gender):
    masks = {**{f"mask{i}": "worn" for i in range(1, 6)}, "incorrect_mask": "incorrect", "normal": "none"}
    return {(number, kind, mask, gender) for number in ids for kind, mask in masks.items()}


def test_agreed_corrects_exactly_what_teams_agree_on(real_ids):
    changes, report = corrected(real_ids, "agreed")
    swapped = {(number, "normal", "incorrect", "female") for number in SWAPPED}
    swapped |= {(number, "incorrect_mask", "none", "female") for number in SWAPPED}
    assert changes == swapped | genders(RECORDED_FEMALE, "male") | genders(RECORDED_MALE, "female")
    assert len(report) == 14 and all(" -> " in line and "independent teams agree" in line for line in report)
    assert report[0] == "000020/normal: mask none -> incorrect (independent teams agree: swapped with incorrect_mask)"


def test_doubtful_corrects_exactly_what_some_hold_and_goes_with_agreed(real_ids):
    changes, report = corrected(real_ids, "doubtful")
    worn = {(number, "incorrect_mask", "worn", "female") for number in ("000645", "003574")}
    assert changes == worn | genders(["001720"], "male") | genders(["005223"], "female")
    assert len(report) == 4
    both, _ = corrected(real_ids, "agreed", "doubtful")
    assert both == changes | corrected(real_ids, "agreed")[0]


def test_shipped_corrections_of_other_photos_are_an_error(raw):
    with pytest.raises(LabelError, match=r"agreed\.csv, row 2: 000020/normal matches nobody"):
        corrected(reference.read(raw.images, raw.labels), "agreed")
