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


def test_a_crop_larger_than_the_photo_is_an_error_that_names_the_side():
    with pytest.raises(ConfigError, match=r"crop/width: at most the photo's own width of 384 px, but got 400"):
        crop_in_store(Crop(512, 400), _Sizes((96, 72), (512, 384)))


def test_a_stores_photos_are_normalized_by_its_own_colours(small_store):
    found = Preprocessing.of(Crop(resize=0.5), small_store)
    assert (found.crop, found.size) == ((23, 23), (12, 12))
    scale, shift = found.scale_and_shift()
    normalized = [colour * factor + term for colour, factor, term in zip(found.mean, scale, shift, strict=True)]
    assert normalized == pytest.approx([0, 0, 0])
    assert (found.mean, found.std) == (tuple(small_store.mean.tolist()), tuple(small_store.std.tolist()))
