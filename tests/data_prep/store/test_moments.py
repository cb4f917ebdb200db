import numpy as np
import pytest

from data_prep.store.moments import Moments


def photo(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 1), (40, 30), (41, 31), (512, 384)])
def test_mean_and_std_are_those_of_the_pixels(size):
    pixels = photo(*size)
    moments = Moments.of(pixels)
    values = pixels.reshape(-1, 3) / 255
    assert moments.mean == pytest.approx(values.mean(axis=0), abs=1e-12)
    assert moments.std == pytest.approx(values.std(axis=0), abs=1e-12)


def test_nothing_overflows_where_every_pixel_is_white():
    moments = Moments.of(np.full((2048, 2048, 3), 255, np.uint8))
    assert moments.squares == (2048 * 2048 * 255**2,) * 3
    assert moments.mean == [1, 1, 1] and moments.std == [0, 0, 0]


def test_parts_add_up_to_the_whole_in_any_order():
    photos = [photo(8, 6, seed) for seed in range(5)]
    parts = [Moments.of(each) for each in photos]
    whole = Moments.of(np.concatenate(photos))
    assert Moments.total(parts) == Moments.total(parts[::-1]) == whole
    assert Moments.total([]).pixels == 0


def test_a_photo_that_may_not_be_written_is_read_all_the_same():
    pixels = photo(8, 6)
    pixels.flags.writeable = False
    assert Moments.of(pixels).pixels == 48
