"""Votes by their size, weights on the simplex, temperatures and class weights: numbers that a hand can check."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ensemble.selection.fitting.class_weights import fit_class_weights
from ensemble.selection.fitting.temperature import SHARPEST, SOFTEST, fit_temperature
from ensemble.selection.fitting.weights import EQUAL, simplex
from ensemble.selection.recipe import by_size, rule_of, top, with_class_weights, with_temperature
from tests.ensemble.selection.drawn import Population, f1, pool_of

TRUTH = np.repeat(np.arange(6), 10)
N = np.arange(60)


def says(right: np.ndarray) -> np.ndarray:
    return np.where(right, TRUTH, (TRUTH + 1) % 6)


def test_top_takes_the_best_with_equal_weights() -> None:
    pool = pool_of(TRUTH, [says(N % 4 != 0), says(N % 9 != 0), says(N % 5 != 0)], 6)
    assert top(pool, 2).tolist() == [0, 0.5, 0.5]
    assert [rule.weights for rule in by_size(pool, "top", 3)] == [(0, 1, 0), (0, 0.5, 0.5), (1 / 3, 1 / 3, 1 / 3)]


@pytest.mark.parametrize("method", ["greedy", "weights"])
def test_a_trial_far_below_the_best_does_not_vote_even_if_it_would_help_on_val(method: str) -> None:
    good, lucky = says(N % 10 != 0), says(N % 10 == 0)
    pool = pool_of(TRUTH, [good, lucky], 6)
    half = replace(pool, probabilities=np.stack([pool.probabilities[0] / 2 + 1 / 12, pool.probabilities[1]]))
    assert f1(half, rule_of(np.array([0.5, 0.5]))) < 1  # it could help: where it is right it is surer
    assert all(rule.weights == (1, 0) for rule in by_size(half, method, 2))


@pytest.mark.parametrize("method", ["greedy", "weights"])
def test_a_smaller_vote_is_of_the_heaviest_and_weighed_anew(method: str) -> None:
    pool = Population(1).draw(20, seed=2)
    sizes = [np.count_nonzero(rule.weights) for rule in by_size(pool, method, 4)]
    assert sizes[0] == 1 and all(1 <= size <= most for most, size in enumerate(sizes, 1))
    assert all(sum(rule.weights) == pytest.approx(1) for rule in by_size(pool, method, 4))


def test_searched_weights_help_and_are_drawn_towards_equal_ones() -> None:
    pool = pool_of(TRUTH, [says(N % 4 != 0), says(N % 4 != 1), says(N % 4 != 2)], 6)
    weights = simplex(pool)
    assert weights.sum() == pytest.approx(1) and weights.min() >= EQUAL / 3
    assert f1(pool, rule_of(weights)) == 1 > pool.single_f1().max()


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_was_put_in_is_found(temperature: float) -> None:
    """Labels are drawn from probabilities, whose logits are then multiplied by the temperature."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20_000, 4))
    honest = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (honest.cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    distorted = honest**temperature / (honest**temperature).sum(axis=1, keepdims=True)
    assert fit_temperature(distorted.astype(np.float32), truth) == pytest.approx(temperature, rel=0.05)


def test_a_member_that_is_always_right_or_always_wrong_has_the_last_temperature() -> None:
    sure = np.array([[0.9, 0.1]], np.float32)
    assert fit_temperature(sure, np.array([0])) == pytest.approx(SHARPEST, rel=1e-3)
    assert fit_temperature(sure, np.array([1])) == pytest.approx(SOFTEST, rel=1e-3)
    assert np.isfinite(fit_temperature(np.array([[1.0, 0.0]], np.float32), np.array([1])))


def test_only_members_with_weight_have_a_temperature() -> None:
    pool = pool_of(TRUTH, [says(N % 4 != 0), says(N % 2 == 0)], 6)
    first, second = with_temperature(pool, rule_of(np.array([1.0, 0.0]))).temperatures
    assert first != 1 == second


def test_a_rare_class_is_called_more_readily() -> None:
    """Nine photos of class 0 have 0.55 for it; the one of class 1 has 0.45 for its own: its weight must exceed
    0.55 / 0.45, and stay below what would take the nine."""
    truth = np.array([0] * 9 + [1])
    votes = np.array([[0.7, 0.3]] * 9 + [[0.55, 0.45]], np.float32)
    pool = replace(pool_of(truth, [truth], 2), probabilities=votes[None])
    plain = rule_of(np.array([1.0]))
    weights = fit_class_weights(pool, votes)
    assert 0.55 / 0.45 < weights[1] / weights[0] < 0.7 / 0.3
    assert f1(pool, plain) < f1(pool, with_class_weights(pool, plain)) == 1


def test_classes_that_need_no_weight_or_have_no_photo_keep_1() -> None:
    pool = pool_of(TRUTH % 3, [TRUTH % 3], 6)
    assert fit_class_weights(pool, pool.probabilities[0]).tolist() == [1] * 6
