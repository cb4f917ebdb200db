import numpy as np
import pytest
import torch

from trainable.photos.batches import balanced

SKEWED = np.repeat([0, 1, 3], [1600, 100, 4])
"""Class 2 has no photo."""


def _draw(classes, balance, seed=0):
    return balanced(classes, balance, torch.Generator().manual_seed(seed))


def _shares(balance):
    drawn = np.concatenate([SKEWED[_draw(SKEWED, balance, seed)] for seed in range(20)])
    return np.bincount(drawn) / len(drawn)


def test_an_epoch_is_as_many_positions_as_there_are_photos():
    drawn = _draw(SKEWED, 1.0)
    assert drawn.dtype == np.int64
    assert drawn.shape == SKEWED.shape
    assert drawn.min() >= 0
    assert drawn.max() < len(SKEWED)


def test_full_balance_shows_every_class_that_has_photos_equally_often():
    # 34,080 draws: a share of 1/3 is within .0077 in 99.7% of cases
    assert _shares(1.0) == pytest.approx([1 / 3, 1 / 3, 0, 1 / 3], abs=0.008)


def test_half_balance_shows_classes_in_proportion_to_the_root_of_their_size():
    # 40 : 10 : 2
    assert _shares(0.5) == pytest.approx([40 / 52, 10 / 52, 0, 2 / 52], abs=0.008)


def test_a_little_balance_changes_little():
    assert _shares(1e-6) == pytest.approx(np.bincount(SKEWED) / len(SKEWED), abs=0.008)


def test_photos_of_a_class_are_equally_likely():
    drawn = np.concatenate([_draw(SKEWED, 1.0, seed) for seed in range(20)])
    rare = drawn[SKEWED[drawn] == 3]
    assert np.bincount(rare - 1700) / len(rare) == pytest.approx([0.25] * 4, abs=0.015)


def test_rare_photos_come_in_no_particular_order():
    at = np.flatnonzero(SKEWED[_draw(SKEWED, 1.0)] == 3)
    assert at.mean() / len(SKEWED) == pytest.approx(0.5, abs=0.05)


def test_the_draw_is_a_pure_function_of_the_generator():
    assert np.array_equal(_draw(SKEWED, 0.7, seed=3), _draw(SKEWED, 0.7, seed=3))
    assert not np.array_equal(_draw(SKEWED, 0.7, seed=3), _draw(SKEWED, 0.7, seed=4))


def test_global_random_state_stays_as_it_was():
    before = torch.get_rng_state()
    _draw(SKEWED, 1.0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("n", [1, 2])
def test_a_handful_of_photos_can_be_balanced(n):
    assert set(_draw(np.arange(n), 1.0)) <= set(range(n))
