"""A JPEG is fitted to a size as Pillow does it, to the bit."""

import numpy as np
import pytest
from PIL import Image, ImageOps

from data_prep.photos.decode import fit, load
from data_prep.photos.resample import resampled

BICUBIC = Image.Resampling.BICUBIC
CHANCE = np.random.default_rng(0)


def noise(height, width):
    """Bytes of any value, or black and white, which bicubic waves overshoot on either side."""
    pixels = CHANCE.integers(0, 256, (height, width, 3), dtype=np.uint8)
    return pixels if CHANCE.random() < 0.5 else np.where(pixels > 127, np.uint8(255), np.uint8(0))


def test_any_box_of_any_photo_has_the_pixels_that_pillow_makes_of_it():
    asked = 0
    while asked < 150:
        height, width, new_height, new_width = (int(side) for side in CHANCE.integers(1, 200, 4))
        if height - new_height > 2 * (width - new_width):
            continue
        (left, right), (top, bottom) = (np.sort(CHANCE.uniform(0, side, 2)) for side in (width, height))
        box = (0, 0, width, height) if asked % 2 else (left, top, max(right, left + 0.01), max(bottom, top + 0.01))
        photo = noise(height, width)
        found = resampled(photo, new_height, new_width, tuple(np.float32(box).tolist()))
        pillows = Image.fromarray(photo).resize((new_width, new_height), BICUBIC, box)
        assert np.array_equal(found, pillows), (photo.shape, found.shape, box)
        asked += 1


@pytest.mark.parametrize(
    ("photo", "size"),
    [
        ((200, 200), (64, 64)),
        ((41, 31), (96, 72)),
        ((90, 120), (64, 64)),
        ((120, 90), (64, 64)),
        ((300, 40), (32, 32)),  # along columns first
        ((40, 300), (32, 32)),
        ((64, 48), (64, 64)),
        ((333, 97), (20, 30)),
    ],
)
def test_a_jpeg_is_fitted_as_any_photo_is(tmp_path, photo, size):
    file = tmp_path / "a.jpg"
    Image.fromarray(noise(*photo)).save(file, quality=95)
    with Image.open(file) as opened:
        pillows = np.asarray(ImageOps.fit(opened, size[::-1], BICUBIC))
    assert np.array_equal(fit(load(file), size), pillows)


def test_a_jpeg_that_was_changed_is_resized_as_it_is_now(tmp_path):
    file = tmp_path / "a.jpg"
    Image.fromarray(noise(40, 30)).save(file)
    photo = load(file)
    photo.paste((255, 0, 0), (0, 0, 30, 40))
    assert (fit(photo, (20, 15)) == (255, 0, 0)).all()
