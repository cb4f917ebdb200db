import pytest

from common.errors import ConfigError
from trainable.config import TrialConfig, check_frame


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("crop/resize", 0.0),
        ("augment/cutmix", 1.5),
        ("augment/erasing", -0.1),
        ("train/balance", 2.0),
        ("train/ema", 1.0),
        ("model/arch", "vgg16"),
    ],
)
def test_a_value_out_of_range_names_the_setting(key, value):
    with pytest.raises(ConfigError, match=key):
        TrialConfig.from_flat({key: value})


def test_cutmix_and_halves_cannot_both_be_certain():
    with pytest.raises(ConfigError, match="cutmix \\+ halves <= 1"):
        TrialConfig.from_flat({"augment/cutmix": 0.6, "augment/halves": 0.6})


def test_a_crop_told_in_pixels_of_other_photos_is_not_taken_for_one_of_the_frame():
    check_frame({}, (512, 384), "x")
    check_frame({"crop_frame": [512, 384]}, (200, 200), "x")
    with pytest.raises(
        ConfigError, match=r"^runs/x tells its crop in pixels of photos of 200x300, .* before 0.5; finish"
    ):
        check_frame({}, (200, 300), "runs/x")
