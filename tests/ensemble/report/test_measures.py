import numpy as np
import pytest

from data_prep.labels import MISSING
from ensemble.report.measures import by_year, f1_of_the_surest, reliability


def test_calibration_by_hand() -> None:
    """Two photos at .85 and .95 (bins apart), two at .55: one of them right."""
    found = reliability(np.array([0.85, 0.95, 0.55, 0.55]), np.array([True, True, True, False]))
    assert found.confidence == pytest.approx([0.55, 0.85, 0.95])
    assert found.accuracy == pytest.approx([0.5, 1, 1]) and found.photos.tolist() == [2, 1, 1]
    assert found.error() == pytest.approx((2 * 0.05 + 0.15 + 0.05) / 4)


def test_who_is_wholly_sure_is_in_the_last_bin() -> None:
    assert reliability(np.array([1.0]), np.array([True])).error() == 0


def test_leaving_out_the_least_sure_by_hand() -> None:
    truth, guess = np.array([0, 1, 0, 1]), np.array([0, 1, 1, 1])
    scores = f1_of_the_surest(truth, guess, np.array([0.9, 0.8, 0.6, 0.7]), np.array([0.01, 0.5, 0.75, 1.0]))
    assert scores == pytest.approx([1, 1, 1, (2 / 3 + 4 / 5) / 2])


def test_years_are_scored_apart_or_with_their_neighbours() -> None:
    truth, guess = np.array([0, 1, 1, 0, 0]), np.array([0, 1, 0, 0, 1])
    age, person = np.array([20, 20, 21, 23, MISSING]), np.array(list("aabcd"), dtype=object)
    alone = by_year(truth, guess, person, age)
    assert alone.age.tolist() == [20, 21, 23] and alone.f1 == pytest.approx([1, 0, 1])
    assert alone.people.tolist() == [1, 1, 1] and alone.photos.tolist() == [2, 1, 1]
    pooled = by_year(truth, guess, person, age, around=1)
    assert pooled.people.tolist() == [2, 2, 1] and pooled.f1[0] == pytest.approx((2 / 3 + 2 / 3) / 2)
