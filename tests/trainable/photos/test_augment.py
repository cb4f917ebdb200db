"""Each operator of all routes against torchvision's functional one on the same float image."""

import functools
import sys
import warnings

import numpy as np
import pytest
import torch
import torchvision.transforms.v2.functional as TV
from torchvision.transforms import InterpolationMode

import trainable.photos
from trainable.config import Augment
from trainable.photos import augment, augment_cuda
from trainable.photos.augment import _by_operators, _on_cpu, _on_cuda, apply, window
from trainable.photos.params import Params, draw
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, constant
from trainable.workbench import Workbench

CPU = torch.device("cpu")
ZERO, ONE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

COLOUR = 1e-5
"""Tolerance of the colour operators, of 1: a 400th of a grey level."""
PLACE = 1e-4
"""Tolerance of rotation, of 1: sampling positions differ by float32 rounding."""


@pytest.fixture
def photos():
    """Noise is hard on interpolation; pure greys, black, white and pure colours are hard on hue."""
    values = np.random.default_rng(0).integers(0, 256, (6, 40, 30, 3), dtype=np.uint8)
    values[0, :, :, :] = values[0, :, :, :1]
    values[1, :8] = [(0, 0, 0), (255, 255, 255), (255, 0, 0), (0, 255, 0), (0, 0, 255)] * 6
    return values


@pytest.fixture(params=[_on_cpu, _on_cuda, _by_operators], ids=["compiled", "kernels", "torch"])
def see(request, monkeypatch):
    """`apply` by one of its routes, all on the CPU."""
    if request.param is _on_cuda:
        launch = request.getfixturevalue("launch")
        monkeypatch.setattr(augment_cuda, "apply", functools.partial(augment_cuda.run, launch))

    def run(photos, params, crop, mean=ZERO, std=ONE, size=None):
        return request.param(photos, params, Preprocessing(crop, size or crop, mean, std), CPU)

    return run


def _float(photos):
    return torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255


def _params(n, **changes):
    plain = constant(View(), n)
    return Params(**{name: changes.get(name, getattr(plain, name)) for name in vars(plain)})


def _whole(see, photos, **changes):
    return see(photos, _params(len(photos), **changes), photos.shape[1:3])


def _each(images, operator, values):
    return torch.stack([operator(image, value.item()) for image, value in zip(images, values, strict=True)])


def test_untouched_photos_keep_every_pixel(see, photos):
    assert torch.equal(_whole(see, photos), _float(photos))


def test_flip_is_torchvisions_exactly(see, photos):
    flip = torch.tensor([True, False] * 3)
    expected = _each(_float(photos), lambda image, yes: TV.horizontal_flip(image) if yes else image, flip)
    assert torch.equal(_whole(see, photos, flip=flip), expected)


def _rotated(image, angle):
    # fill None is black where torchvision's fill=0 blends the rim with black twice.
    return TV.rotate(image, angle, interpolation=InterpolationMode.BILINEAR, fill=None)


def test_rotation_is_torchvisions_bilinear_one_with_black_outside(see, photos):
    angle = torch.tensor([-15.0, -3.3, 0.0, 0.1, 15.0, 90.0])
    assert torch.allclose(_whole(see, photos, angle=angle), _each(_float(photos), _rotated, angle), atol=PLACE)


def test_flip_comes_before_rotation(see, photos):
    angle, flip = torch.full((6,), 10.0), torch.ones(6, dtype=torch.bool)
    expected = _each(_float(photos).flip(3), _rotated, angle)
    assert torch.allclose(_whole(see, photos, angle=angle, flip=flip), expected, atol=PLACE)


def test_the_crop_comes_after_rotation_so_corners_show_the_photo_and_not_black(see, photos):
    angle = torch.full((6,), 12.0)
    expected = TV.center_crop(_each(_float(photos), _rotated, angle), [20, 14])
    cropped = see(photos, _params(6, angle=angle), (20, 14))
    assert torch.allclose(cropped, expected, atol=PLACE)


@pytest.mark.parametrize("angle", [0.0, 12.0])
def test_an_odd_pixel_of_margin_is_left_below_and_right(see, photos, angle):
    whole = _whole(see, photos, angle=torch.full((6,), angle))
    cropped = see(photos, constant(View(angle), 6), (21, 15))
    assert torch.allclose(cropped, whole[:, :, 9:30, 7:22], atol=PLACE)


@pytest.mark.parametrize("max_angle", [0.0, 5.0, 15.0, 60.0, 180.0])
@pytest.mark.parametrize("crop", [(20, 14), (21, 15), (12, 30), (40, 30)])
def test_the_window_has_all_that_the_crop_can_need(see, photos, crop, max_angle):
    top, left, height, width = window(crop, (40, 30), max_angle)
    part = photos[:, top : top + height, left : left + width]
    params = _params(6, angle=torch.linspace(-max_angle, max_angle, 6))
    seen, expected = (see(source, params, crop) for source in (part, photos))
    assert torch.allclose(seen, expected, atol=PLACE)


def test_the_window_is_no_larger_than_the_crop_and_a_rim_when_nothing_rotates():
    assert window((360, 360), (512, 384), 0.0) == (75, 11, 362, 362)


@pytest.mark.parametrize(
    ("name", "operator", "values"),
    [
        ("brightness", TV.adjust_brightness, [0.0, 0.5, 0.9, 1.0, 1.1, 2.0]),
        ("contrast", TV.adjust_contrast, [0.0, 0.5, 0.9, 1.0, 1.1, 2.0]),
        ("saturation", TV.adjust_saturation, [0.0, 0.5, 0.9, 1.0, 1.1, 2.0]),
        ("hue", TV.adjust_hue, [-0.5, -0.1, 0.0, 0.03, 0.1, 0.5]),
    ],
)
def test_each_colour_operator_is_torchvisions(see, photos, name, operator, values):
    for shift in range(6):  # every photo meets every factor
        factors = torch.tensor(values).roll(shift)
        expected = _each(_float(photos), operator, factors)
        assert torch.allclose(_whole(see, photos, **{name: factors}), expected, atol=COLOUR)


def test_colours_change_in_the_order_brightness_contrast_saturation_hue_after_the_crop(see, photos):
    jitter = draw(Augment(rotation=0.0), 6, torch.Generator().manual_seed(0))

    def in_turn(image, i):
        image = TV.horizontal_flip(image) if jitter.flip[i] else image
        image = TV.adjust_brightness(TV.center_crop(image, [20, 14]), jitter.brightness[i].item())
        image = TV.adjust_contrast(image, jitter.contrast[i].item())
        return TV.adjust_hue(TV.adjust_saturation(image, jitter.saturation[i].item()), jitter.hue[i].item())

    expected = torch.stack([in_turn(image, i) for i, image in enumerate(_float(photos))])
    assert torch.allclose(see(photos, jitter, (20, 14)), expected, atol=COLOUR)


def test_mean_and_std_come_last_and_the_memory_is_channels_last(see, photos):
    mean, std = np.array([0.5, 0.4, 0.3], np.float32), np.array([0.2, 0.25, 0.3], np.float32)
    seen = see(photos, constant(View(), 6), (20, 14), mean, std)
    expected = TV.normalize(TV.center_crop(_float(photos), [20, 14]), mean.tolist(), std.tolist())
    assert torch.allclose(seen, expected, atol=1e-5)
    assert seen.is_contiguous(memory_format=torch.channels_last)


RESIZED = [(12, 9), (20, 14), (33, 14), (50, 40)]


@pytest.mark.parametrize("size", RESIZED)
def test_the_crop_is_resized_as_torchvision_does_with_antialiasing(see, photos, size):
    resized = see(photos, constant(View(), 6), (20, 14), size=size)
    expected = TV.resize(TV.center_crop(_float(photos), [20, 14]), list(size), antialias=True)
    assert torch.allclose(resized, expected, atol=COLOUR)
    assert resized.is_contiguous(memory_format=torch.channels_last)


def test_the_resize_comes_after_rotation_and_crop(see, photos):
    angle = torch.full((6,), 12.0)
    expected = TV.resize(TV.center_crop(_each(_float(photos), _rotated, angle), [20, 14]), [10, 8], antialias=True)
    assert torch.allclose(see(photos, _params(6, angle=angle), (20, 14), size=(10, 8)), expected, atol=PLACE)


@pytest.mark.parametrize(
    ("name", "operator", "value"),
    [
        ("brightness", TV.adjust_brightness, 1.8),
        ("contrast", TV.adjust_contrast, 0.5),
        ("saturation", TV.adjust_saturation, 2.0),
        ("hue", TV.adjust_hue, 0.1),
    ],
)
def test_colours_are_those_of_the_resized_crop(see, photos, name, operator, value):
    seen = see(photos, _params(6, **{name: torch.full((6,), value)}), (20, 14), size=(11, 17))
    small = TV.resize(TV.center_crop(_float(photos), [20, 14]), [11, 17], antialias=True)
    assert torch.allclose(seen, operator(small, value), atol=COLOUR)


@pytest.mark.parametrize("hue", [-0.5, 0.1, 0.5])
def test_greys_black_and_white_have_no_hue_to_turn(see, hue):
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    assert torch.allclose(_whole(see, levels, hue=torch.tensor([hue])), _float(levels), atol=COLOUR)


def test_half_a_turn_of_hue_makes_the_opposite_colour(see):
    red_to_cyan = np.array([[[[255, 0, 0], [0, 255, 255], [255, 255, 0], [0, 0, 255]]]], np.uint8)
    opposite = np.array([[[[0, 255, 255], [255, 0, 0], [0, 0, 255], [255, 255, 0]]]], np.uint8)
    for half in (-0.5, 0.5):
        assert torch.allclose(_whole(see, red_to_cyan, hue=torch.tensor([half])), _float(opposite), atol=COLOUR)


def test_each_photo_is_treated_as_if_it_were_alone(see, photos):
    params = draw(Augment(), 6, torch.Generator().manual_seed(3))
    together = see(photos, params, (20, 14))
    alone = [see(photos[i : i + 1], params[i : i + 1], (20, 14)) for i in range(6)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)


def _slice(photos):
    larger = np.zeros((6, 50, 45, 3), np.uint8)
    larger[:, 4:44, 7:37] = photos
    return larger[:, 4:44, 7:37]


def _read_only(photos):
    photos = photos.copy()
    photos.flags.writeable = False
    return photos


@pytest.mark.parametrize(
    "stored",
    [
        _slice,
        _read_only,
        lambda photos: torch.from_numpy(_slice(photos)),
        lambda photos: photos[::-1].copy()[::-1],
        lambda photos: photos[:, :, ::-1].copy()[:, :, ::-1],
        lambda photos: np.repeat(photos, 2, axis=0)[::2],
        lambda photos: np.ascontiguousarray(photos.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1),
    ],
    ids=["slice", "read-only", "slice of a tensor", "last first", "mirrored", "every other", "planes"],
)
def test_how_photos_lie_in_memory_does_not_matter(see, photos, stored):
    params = draw(Augment(), 6, torch.Generator().manual_seed(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        seen = see(stored(photos), params, (20, 14))
    assert torch.equal(seen, see(photos, params, (20, 14)))


def test_a_crop_larger_than_the_photo_or_another_number_of_params_is_refused(photos):
    with pytest.raises(ValueError, match=r"crop <= photo must hold, but got crop=\(41, 30\)"):
        apply(photos, constant(View(), 6), Preprocessing((41, 30), (41, 30), ZERO, ONE), CPU)
    with pytest.raises(ValueError, match="but got 5 and 6"):
        apply(photos, constant(View(), 5), Preprocessing((20, 14), (20, 14), ZERO, ONE), CPU)


def test_photos_are_not_written_to(see, photos):
    before = photos.copy()
    for size in (None, (9, 9)):
        see(photos, draw(Augment(), 6, torch.Generator().manual_seed(0)), (20, 14), size=size)
    assert np.array_equal(photos, before)


def test_draws_are_a_pure_function_of_the_generator_and_within_the_settings():
    config = Augment(flip=0.3, rotation=20, brightness=0.2, contrast=0.4, saturation=0.0, hue=0.05)
    params = draw(config, 4000, torch.Generator().manual_seed(1))
    again = draw(config, 4000, torch.Generator().manual_seed(1))
    assert all(torch.equal(getattr(params, name), getattr(again, name)) for name in vars(params))
    assert params.flip.float().mean().item() == pytest.approx(0.3, abs=0.03)
    for name, low, high in (("angle", -20, 20), ("brightness", 0.8, 1.2), ("contrast", 0.6, 1.4), ("hue", -0.05, 0.05)):
        values = getattr(params, name)
        assert low <= values.min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < values.max() <= high
    assert torch.equal(params.saturation, torch.ones(4000))


@pytest.mark.parametrize(("reason", "route"), [(None, _on_cuda), ("no NVRTC", _by_operators)])
def test_a_gpu_augments_by_kernels_or_says_why_not(monkeypatch, reason, route):
    monkeypatch.setattr(augment_cuda, "why_not", lambda device: reason)
    gpu = torch.device("cuda:0")
    assert augment.why_operators(gpu) == reason
    assert augment._route(gpu) is route


def test_a_cpu_whose_numba_does_not_load_augments_by_torchs_operators(monkeypatch, photos):
    params = draw(Augment(), 6, torch.Generator().manual_seed(0))
    assert augment.why_operators(CPU) is None
    augment._why_not_numba.cache_clear()
    monkeypatch.delattr(trainable.photos, "augment_cpu")
    monkeypatch.delitem(sys.modules, "trainable.photos.augment_cpu")
    monkeypatch.setitem(sys.modules, "numba", None)
    try:
        assert "numba" in augment.why_operators(CPU)
        plain = Preprocessing((20, 14), (20, 14), ZERO, ONE)
        expected = _by_operators(photos, params, plain, CPU)
        assert torch.equal(apply(photos, params, plain, CPU), expected)
    finally:
        augment._why_not_numba.cache_clear()


def test_a_trial_hears_why_torchs_operators_augment(monkeypatch, small_store):
    said = []
    monkeypatch.setattr(augment, "why_operators", lambda device: "no NVRTC")
    Workbench(CPU, say=said.append).feed(small_store)
    assert said == ["augmentation by torch's operators: no NVRTC"]
