import numpy as np
import pytest
import torch
import torch.nn.functional as F

from trainable.config import Crop
from trainable.photos.augment import apply, window
from trainable.photos.feed import Streamed
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, constant, look, needed

CPU = torch.device("cpu")
PHOTO = (40, 30)
AS_STORED = Preprocessing((20, 14), (20, 14), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

CROPS = [Crop(), Crop(355, 301), Crop(512, 384), Crop(400, 380, 0.5)]
NAMES = ["plain", "flip", "rotate+6", "flip, rotate-6", "right+4, down-2.5", "scale-8", "flip, rotate+10, scale+8"]

EVERY = [View.named(name) for name in NAMES]


@pytest.fixture
def photos():
    return torch.from_numpy(np.random.default_rng(0).integers(0, 256, (3, *PHOTO, 3), dtype=np.uint8))


def _as_float(photos):
    return photos.permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("name", NAMES)
def test_a_view_is_found_again_by_its_name(name):
    assert View.named(name).name == name


def test_a_name_says_what_is_done():
    assert View.named("flip, rotate-6") == View(angle=-6.0, flip=True)
    assert View.named("right+4, down-2.5, scale+8") == View(right=4.0, down=-2.5, scale=8.0)
    assert View.named("plain") == View()


@pytest.mark.parametrize(
    "name", ["", "Plain", "rotate+0", "rotate6", "rotate+6, flip", "rotate+6,flip", "flipper", "zoom+3", "rotate+1e9"]
)
def test_a_name_that_no_view_has_is_refused(name):
    with pytest.raises(ValueError, match=r"a name such as .* is needed, but got"):
        View.named(name)


@pytest.mark.parametrize("numbers", [{"angle": 361}, {"right": float("nan")}, {"down": -51}, {"scale": 51}])
def test_a_view_of_something_else_than_the_photo_is_refused(numbers):
    with pytest.raises(ValueError, match=rf"<= {next(iter(numbers))} <= .* must hold, but got"):
        View(**numbers)


def test_the_plain_view_is_what_validation_sees_to_the_bit(small_store):
    for preprocessing in (Preprocessing.of(crop, small_store) for crop in CROPS):
        rows = small_store.rows("val")[:4]
        [validated] = Streamed(small_store, CPU).batches([rows], preprocessing.crop, 0.0)
        expected = apply(validated, constant(View(), 4), preprocessing, CPU)
        whole = torch.from_numpy(small_store.read(rows))
        [wide] = Streamed(small_store, CPU).batches([rows], needed(EVERY, preprocessing.crop), 0.0)
        for photos in (validated, wide, whole):
            assert torch.equal(look(photos, View(), preprocessing, CPU), expected)


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, 1), (-2, -1), (18, 0), (0, -14)])
def test_a_shifted_view_is_the_crop_elsewhere_with_black_beyond_the_photo(photos, down, right):
    large = Preprocessing((36, 28), (36, 28), AS_STORED.mean, AS_STORED.std)
    seen = look(photos, View(down=100 * down / 36, right=100 * right / 28), large, CPU)
    around = F.pad(_as_float(photos), (20, 20, 20, 20))
    top, left = 20 + 2 + down, 20 + 1 + right
    assert torch.allclose(seen, around[:, :, top : top + 36, left : left + 28], atol=1e-6)


@pytest.mark.parametrize(("scale", "crop"), [(25.0, (16, 12)), (-20.0, (24, 18)), (-50.0, (40, 28))])
def test_a_scaled_view_is_another_crop_resized_to_the_size_of_the_others(photos, scale, crop):
    (height, width), image = crop, _as_float(photos)
    top, left = (40 - height) // 2, (30 - width) // 2
    seen = image[:, :, top : top + height, left : left + width]
    expected = F.interpolate(seen, size=(20, 14), mode="bilinear", antialias=True, align_corners=False)
    assert torch.allclose(look(photos, View(scale=scale), AS_STORED, CPU), expected, atol=1e-5)


def test_a_view_of_more_than_the_photo_sees_black_around_it():
    white = torch.full((1, *PHOTO, 3), 255, dtype=torch.uint8)
    whole = Preprocessing(PHOTO, PHOTO, AS_STORED.mean, AS_STORED.std)
    [[seen, *_]] = look(white, View(scale=-50.0), whole, CPU)
    assert seen[12:28, 9:21].allclose(torch.ones(16, 12), atol=1e-6)
    assert not any(rim.any() for rim in (seen[:9], seen[31:], seen[:, :6], seen[:, 24:]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("crop", [(20, 14), (21, 15), (40, 30)])
def test_what_views_need_of_a_photo_is_all_that_they_see(photos, name, crop):
    view, preprocessing = View.named(name), Preprocessing(crop, (20, 14), AS_STORED.mean, AS_STORED.std)
    top, left, height, width = window(needed([view], crop), PHOTO, 0.0)
    part = photos[:, top : top + height, left : left + width]
    assert torch.allclose(look(part, view, preprocessing, CPU), look(photos, view, preprocessing, CPU), atol=1e-4)
