import pytest

from common.errors import ConfigError
from trainable.config import Crop
from trainable.photos.preprocessing import Preprocessing, crop_in_store, size_in_network


class _Sizes:
    """All that crop_in_store asks of a store."""

    def __init__(self, size, source_size):
        self.size, self.source_size = size, source_size


@pytest.mark.parametrize(
    ("size", "crop", "stored"),
    [
        ((512, 384), Crop(360, 360), (360, 360)),
        ((96, 72), Crop(360, 360), (68, 68)),  # 360 * 96/512 = 67.5
        ((96, 72), Crop(512, 384), (96, 72)),
        ((64, 64), Crop(360, 360), (60, 60)),  # fitted by width, 64/384: of the height the store has lost a part
        ((64, 64), Crop(512, 384), (64, 64)),
    ],
)
def test_a_crop_scales_with_the_store(size, crop, stored):
    assert crop_in_store(crop, _Sizes(size, (512, 384))) == stored


@pytest.mark.parametrize(("resize", "seen"), [(1.0, (68, 68)), (0.5, (34, 34)), (2.0, (136, 136)), (0.1, (8, 8))])
def test_the_network_sees_the_crop_resized(resize, seen):
    assert size_in_network(Crop(360, 360, resize), _Sizes((96, 72), (512, 384))) == seen


@pytest.mark.parametrize(
    ("size", "source", "crop", "stored"),
    [
        ((1024, 768), (1024, 768), Crop(360, 360), (720, 720)),  # the same part of a larger portrait
        ((96, 72), (1024, 768), Crop(360, 360), (68, 68)),
        ((64, 64), (200, 200), Crop(512, 384), (64, 64)),  # all of an aligned chip
        ((64, 64), (200, 200), Crop(256, 192), (32, 32)),
        ((60, 80), (300, 400), Crop(256, 384), (30, 80)),
    ],
)
def test_a_crop_is_the_same_part_of_photos_of_any_size(size, source, crop, stored):
    assert crop_in_store(crop, _Sizes(size, source)) == stored


@pytest.mark.parametrize(("height", "width", "side"), [(513, 384, "height"), (512, 385, "width"), (16, 384, "height")])
def test_a_crop_larger_than_a_photo_is_an_error_that_names_the_side(height, width, side):
    with pytest.raises(ConfigError, match=rf"crop/{side}: 32 <= {side} <= \d+ \(all of a photo\) must hold, but got"):
        Crop(height, width)


def test_a_stores_photos_are_normalized_by_its_own_colours(small_store):
    found = Preprocessing.of(Crop(resize=0.5), small_store)
    assert (found.crop, found.size) == ((23, 23), (12, 12))
    scale, shift = found.scale_and_shift()
    normalized = [colour * factor + term for colour, factor, term in zip(found.mean, scale, shift, strict=True)]
    assert normalized == pytest.approx([0, 0, 0])
    assert (found.mean, found.std) == (tuple(small_store.mean.tolist()), tuple(small_store.std.tolist()))
