"""The compiled route against the torch route, and what only compiled code can get wrong."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from trainable.config import Augment
from trainable.photos.augment import _by_operators, apply
from trainable.photos.params import Params, draw
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View, constant

CPU = torch.device("cpu")
MEAN, STD = (0.55, 0.50, 0.48), (0.24, 0.25, 0.25)

BOTH = 5e-4
"""Tolerance between the routes after all operators, in standard deviations, of which a grey level is 1.6e-2."""


def _noise(n, height, width):
    return np.random.default_rng(n + height + width).integers(0, 256, (n, height, width, 3), dtype=np.uint8)


def _both(photos, params, crop, size=None):
    return tuple(route(photos, params, _to(crop, size), CPU) for route in (apply, _by_operators))


def _to(crop, size=None):
    return Preprocessing(crop, size or crop, MEAN, STD)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("photo", "crop", "size"),
    [
        ((40, 30), (20, 14), None),
        ((40, 30), (40, 30), None),
        ((41, 30), (20, 29), (31, 8)),
        ((96, 72), (68, 68), None),
        ((96, 72), (68, 68), (42, 42)),
        ((9, 7), (5, 3), None),
        ((5, 1), (3, 1), None),
        ((1, 6), (1, 6), (2, 2)),
    ],
)
def test_the_two_routes_agree_on_random_draws_of_everything(photo, crop, size, seed):
    config = Augment(rotation=40, brightness=0.3, contrast=0.3, saturation=0.5, hue=0.5)
    compiled, by_torch = _both(_noise(5, *photo), draw(config, 5, torch.Generator().manual_seed(seed)), crop, size)
    assert compiled.shape == by_torch.shape == (5, 3, *(size or crop))
    assert compiled.stride() == by_torch.stride()
    assert torch.allclose(compiled, by_torch, atol=BOTH)


@pytest.mark.parametrize("angle", [-180, -90, -45, 30, 90, 135, 180, 270, 360])
def test_the_two_routes_agree_outside_the_photo_at_any_angle(angle):
    compiled, by_torch = _both(_noise(2, 12, 31), constant(View(float(angle), flip=True), 2), (12, 31))
    assert torch.allclose(compiled, by_torch, atol=BOTH)


def test_photos_that_need_nothing_and_photos_that_need_everything_share_a_batch():
    everything, nothing = draw(Augment(), 6, torch.Generator().manual_seed(0)), constant(View(), 6)
    mixed = Params(*(getattr(everything, name).clone() for name in vars(everything)))
    for name, value in vars(nothing).items():
        getattr(mixed, name)[::2] = value[::2]
    photos = _noise(6, 40, 30)
    compiled, by_torch = _both(photos, mixed, (20, 14))
    assert torch.allclose(compiled, by_torch, atol=BOTH)
    assert torch.equal(compiled[::2], apply(photos, nothing, _to((20, 14)), CPU)[::2])


def test_no_photos_make_no_images():
    for size in (None, (9, 9)):
        assert apply(_noise(0, 40, 30), constant(View(), 0), _to((20, 14), size), CPU).shape[0] == 0


def test_a_crop_may_be_the_shape_of_a_tensor():
    photos = torch.from_numpy(_noise(2, 20, 14))
    for size in (None, torch.Size((7, 9))):
        seen = apply(photos, constant(View(), 2), _to(photos.shape[1:3], size), CPU)
        assert seen.shape == (2, 3, *(size or (20, 14)))


def test_threads_do_not_disturb_each_other():
    photos, crop = _noise(8, 96, 72), (68, 68)
    draws = [draw(Augment(), 8, torch.Generator().manual_seed(seed)) for seed in range(8)]
    with ThreadPoolExecutor(max_workers=4) as pool:
        side_by_side = list(pool.map(lambda params: apply(photos, params, _to(crop), CPU), draws))
    in_turn = [apply(photos, params, _to(crop), CPU) for params in draws]
    assert all(torch.equal(*pair) for pair in zip(side_by_side, in_turn, strict=True))
