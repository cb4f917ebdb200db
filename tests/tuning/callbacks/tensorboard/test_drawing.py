from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tuning.callbacks.tensorboard import drawing

NAMES = ["worn male <30", "none female >=60"]


def opened(picture: drawing.Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.data)).convert("RGB")
    assert image.size == (picture.width, picture.height)
    return image


def middle_of(image: Image.Image, colour: tuple[int, int, int]) -> tuple[float, float]:
    """(row, column) about which the pixels of this very colour lie."""
    rows, columns = np.nonzero((np.asarray(image) == colour).all(axis=2))
    assert len(rows) > drawing.CELL**2 / 2
    return float(rows.mean()), float(columns.mean())


def test_a_field_is_as_full_as_its_share_of_its_row() -> None:
    image = opened(drawing.matrix(np.array([[0, 7], [3, 1]]), NAMES, "a title"))
    (of_first, wrong), (of_second, left) = (middle_of(image, drawing._mixed(share)) for share in (1, 0.75))
    right_of_second = middle_of(image, drawing._mixed(0.25))
    assert of_first < of_second and left < wrong  # truth in rows, guesses in columns
    assert right_of_second == pytest.approx((of_second, wrong), abs=12)


def test_a_class_without_photos_and_long_titles_are_drawn() -> None:
    image = opened(drawing.matrix(np.zeros((18, 18), np.int64), ["incorrect female 30-59"] * 18, "t" * 200))
    assert image.width > 200 * 3 > 18 * drawing.CELL and image.height > 18 * drawing.CELL


@pytest.mark.parametrize(("size", "shown"), [((32, 24), (144, 108)), ((512, 384), (144, 108)), ((8, 200), (6, 144))])
def test_photos_stand_in_rows_of_four_over_their_captions(size: tuple[int, int], shown: tuple[int, int]) -> None:
    colours = [(40 * number, 0, 200) for number in range(6)]
    photos = [np.full((*size, 3), colour, np.uint8) for colour in colours]
    image = opened(drawing.grid(photos, "six photos", [["is a", "said b"]] * 6))
    row = shown[0] + drawing.GAP + 2 * drawing.LINE
    column = (image.width - drawing.GAP) / drawing.ACROSS
    for number, colour in enumerate(colours):
        x = drawing.GAP + number % 4 * column + shown[1] / 2
        y = drawing.LINE + drawing.GAP + number // 4 * row + shown[0] / 2
        assert image.getpixel((int(x), int(y))) == pytest.approx(colour, abs=8)  # JPEG


def test_a_grid_is_as_wide_as_its_longest_caption() -> None:
    photo = np.zeros((8, 8, 3), np.uint8)
    narrow, wide = (opened(drawing.grid([photo] * 4, "t", [[text]] * 4)).width for text in ("a", "a" * 60))
    assert wide > narrow + 4 * 60
