from collections import Counter
from pathlib import Path

import pytest

from common.errors import LabelError, OptionError
from data_prep.labels import MASKS
from data_prep.layouts import imagefolder
from tests.data_prep.drawn_layouts import draw
from tests.data_prep.drawn_layouts import imagefolder as drawn


def read(folder, *names):
    for name in names:
        draw(folder / name, "none", "male", 20)
    return imagefolder.read(folder, None)


def test_folders_tell_the_mask_state_and_nothing_else(tmp_path):
    listing = imagefolder.read(*drawn(tmp_path))
    assert Counter(photo.mask for photo in listing.photos) == dict.fromkeys(MASKS, 8)
    assert {(photo.gender, photo.age) for photo in listing.photos} == {(None, None)}
    assert [photo.person for photo in listing.photos] == [photo.path for photo in listing.photos]
    assert {photo.path.split("/")[0] for photo in listing.photos} == {"Train", "Test"}
    assert listing.unused == []


@pytest.mark.parametrize(
    ("folder", "mask"),
    [
        *(("with_mask", "worn"), ("WithMask", "worn"), ("MASK", "worn"), ("CMFD", "worn"), ("worn", "worn")),
        *(("without_mask", "none"), ("WithoutMask", "none"), ("no mask", "none"), ("No-Mask", "none")),
        *(("mask_weared_incorrect", "incorrect"), ("Incorrect Mask", "incorrect"), ("IMFD", "incorrect")),
        *(
            ("IMFD/Mask_Chin", "incorrect"),
            ("CMFD/00000", "worn"),
            ("mask/Test/none", "none"),
            ("incorrect", "incorrect"),
        ),
        *(("with_masks", "worn"), ("no masks", "none"), ("mask_on", "worn"), ("face_without_mask", "none")),
        *(("without", "none"), ("Mask_Worn_Incorrectly", "incorrect"), ("WITH MASK", "worn"), ("no_face_mask", "none")),
        *(
            ("data/Train/with_mask/Ben Smith", "worn"),
            ("without_mask/simple/1", "none"),
            ("mask/with-mask/a/b", "worn"),
        ),
    ],
)
def test_usual_names_are_known_in_any_spelling(tmp_path, folder, mask):
    (photo,) = read(tmp_path, f"{folder}/1.jpg").photos
    assert (photo.mask, photo.path) == (mask, f"{folder}/1.jpg")


def test_photos_in_other_folders_are_left_aside(tmp_path):
    doubtful = ["with_mask/maybe/2.jpg", "with_mask/not worn well/2.jpg", "with_mask/other masks/2.jpg"]
    listing = read(tmp_path, "with_mask/1.jpg", "3.jpg", "other/4.jpg", *doubtful)
    assert [photo.path for photo in listing.photos] == ["with_mask/1.jpg"]
    assert listing.unused == ["3.jpg", "other/4.jpg", *doubtful]


def test_no_known_folder_is_an_error_that_lists_what_is_there_and_what_is_known(tmp_path):
    with pytest.raises(LabelError, match=r"there are \., cats, dogs; known are worn, .*without_mask"):
        read(tmp_path, "1.jpg", "a/cats/2.jpg", "b/dogs/3.jpg")
    with pytest.raises(LabelError, match=r"person0, .* and \d+ more; known are") as error:
        read(tmp_path, *(f"person{i}/1.jpg" for i in range(20)))
    assert "\n" not in str(error.value)


def test_two_photos_made_of_one_person_of_ffhq_are_one_person(tmp_path):
    names = ("CMFD/00000/00012_Mask.jpg", "IMFD/00000/00012_Mask_Chin.jpg", "IMFD/00000/00013_Mask_Nose_Mouth.jpg")
    photos = {photo.path: photo for photo in read(tmp_path, *names).photos}
    first, second, third = (photos[name] for name in names)
    assert first.person == second.person != third.person
    assert (first.mask, second.mask) == ("worn", "incorrect")


def test_every_mask_state_has_a_folder_of_its_own_name(tmp_path):
    for mask in MASKS:
        assert imagefolder.mask_of(f"{mask}/1.jpg") == mask


def test_labels_are_of_no_use_to_it(tmp_path):
    images, _ = drawn(tmp_path)
    with pytest.raises(OptionError, match="--layout imagefolder has its labels from the photos' folders"):
        imagefolder.read(images, Path("a.csv"))
