import numpy as np
import pytest
from PIL import Image

from data_prep.photos.masks import Mask, summary


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


def test_a_summary_counts_and_names_what_is_hard_to_believe():
    masks = [Mask(0.4, 1), Mask(0.01, 0), Mask(0.99, 4), Mask(0.5, 4)]
    found = summary(["a", "b", "c", "d"], masks)
    assert (found["almost_empty"], found["almost_full"], found["every_border"]) == (1, 1, 2)
    assert [photo["path"] for photo in found["implausible"]] == ["b", "c", "d"]
    assert found["coverage"]["0%"] == 0.01 and found["coverage"]["100%"] == 0.99 and found["coverage"]["50%"] == 0.45


def test_where_the_background_is_kept_there_is_nothing_to_sum_up():
    assert summary([], []) is None
