import numpy as np
import pytest
from PIL import Image

from data_prep.choices import KEEP, REMOVE
from data_prep.photos.masks import Mask, in_words, summary


def drawn(box, size=(20, 10), value=255):
    """A mask of (width, height) that keeps a box (left, top, right, bottom)."""
    mask = np.zeros((size[1], size[0]), np.uint8)
    left, top, right, bottom = box
    mask[top:bottom, left:right] = value
    return Image.fromarray(mask)


def test_coverage_is_the_share_of_pixels_that_are_at_least_half_lit():
    assert Mask.of(drawn((0, 0, 10, 10))).coverage == 0.5
    assert Mask.of(drawn((0, 0, 10, 10), value=127)).coverage == 0.0
    assert Mask.of(drawn((0, 0, 10, 10), value=128)).coverage == 0.5


@pytest.mark.parametrize(
    ("box", "borders"),
    [((5, 3, 15, 7), 0), ((5, 3, 15, 10), 1), ((0, 0, 15, 7), 2), ((0, 0, 20, 7), 3), ((0, 0, 20, 10), 4)],
)
def test_borders_are_those_that_the_person_touches(box, borders):
    assert Mask.of(drawn(box)).borders == borders


def test_a_portrait_is_plausible_and_what_is_empty_full_or_everywhere_is_not():
    assert Mask.of(drawn((4, 2, 16, 10))).fault is None
    assert Mask.of(drawn((9, 4, 11, 6))).fault == "keeps 2.0% of the photo"
    assert Mask.of(drawn((0, 0, 20, 10))).fault == "keeps 100.0% of the photo"
    frame = drawn((0, 0, 20, 10))
    frame.paste(0, (1, 1, 19, 9))
    assert Mask.of(frame).fault == "touches every border"


def test_a_mask_that_keeps_what_is_below_the_eyes_alone_is_no_portrait():
    """A segmenter of salient objects may take the mask that a person wears, and nothing else."""
    worn = Mask.of(drawn((10, 55, 90, 100), size=(100, 100)))
    assert worn.face == 0 and worn.fault == "keeps 0% of where a face is"
    assert Mask.of(drawn((10, 35, 90, 100), size=(100, 100))).fault is None
    assert Mask.of(drawn((50, 0, 100, 100), size=(100, 100))).fault is None


def test_a_mask_that_is_mostly_grey_shows_a_ghost():
    ghost = drawn((4, 2, 16, 10))
    ghost.paste(150, (4, 2, 10, 10))
    assert Mask.of(ghost).undecided == 0.5
    assert Mask.of(ghost).fault == "is undecided about 50% of what it shows"
    assert Mask.of(drawn((4, 2, 16, 10))).undecided == 0 and Mask.of(Image.new("L", (20, 10))).undecided == 0


def test_a_summary_counts_and_names_what_is_hard_to_believe():
    masks = [Mask(0.4, 1), Mask(0.01, 0), Mask(0.99, 4), Mask(0.5, 4)]
    found = summary(["a", "b", "c", "d"], masks)
    assert (found["almost_empty"], found["almost_full"], found["every_border"]) == (1, 1, 2)
    assert [photo["path"] for photo in found["implausible"]] == ["b", "c", "d"]
    assert found["photos"] == 4 and found["undecided"] == found["faceless"] == 0
    assert found["coverage"]["0%"] == 0.01 and found["coverage"]["100%"] == 0.99 and found["coverage"]["50%"] == 0.45


def test_where_the_background_is_kept_there_is_nothing_to_sum_up():
    assert summary([], []) is None


@pytest.mark.parametrize(("odd", "said"), [(0, False), (2, False), (3, True)])
def test_more_than_a_tenth_of_implausible_masks_are_said_to_be_face_crops(odd, said):
    masks = [Mask(0.01, 0)] * odd + [Mask(0.4, 1)] * (20 - odd)
    lines = in_words(summary([str(i) for i in range(20)], masks), KEEP, 20)
    assert (f"implausible {odd}: kept as they are" in lines[0]) == bool(odd)
    assert any("look like face crops" in line and "--background keep" in line for line in lines) == said


def test_a_summary_of_an_earlier_version_is_told_too():
    before = {"coverage": {"5%": 0.3, "50%": 0.5, "95%": 0.7}, "implausible": [{"path": "a", "why": "b"}]}
    assert in_words(before, REMOVE, 10) == [
        "masks keep 50% of a photo (90% of them 30% to 70%); implausible 1: removed all the same"
    ]
