from dataclasses import replace

import numpy as np
import pytest

from ensemble.selection.fitting.greedy import _added, greedy
from ensemble.selection.recipe import rule_of
from tests.ensemble.searches import sure_of
from tests.ensemble.selection.drawn import f1, pool_of

TRUTH = np.repeat(np.arange(6), 10)
WRONG = (TRUTH + 1) % 6
N = np.arange(60)


def says(right: np.ndarray) -> np.ndarray:
    return np.where(right, TRUTH, WRONG)


def test_members_that_err_on_different_photos_share_the_vote_and_a_twin_gets_none_of_it() -> None:
    pool = pool_of(TRUTH, [says(N % 4 != 0), says(N % 4 != 0), says(N % 4 != 1), says(N % 4 != 2)], 6)
    weights = greedy(pool)
    assert weights.sum() == pytest.approx(1)
    assert weights[1] == 0
    assert min(weights[[0, 2, 3]]) > 0.2


def test_weights_are_how_often_a_member_was_added() -> None:
    """The first, unsure where it errs, is right where the second is surely wrong: it has to count twice."""
    right = N % 3 != 0
    first = sure_of(says(right), 6, np.where(right, 0.9, 0.4))
    pool = replace(pool_of(TRUTH, [TRUTH, TRUTH], 6), probabilities=np.stack([first, sure_of(says(~right), 6, 0.95)]))
    assert _added(pool, np.ones(60, np.int64), np.array([0, 1])).tolist() == pytest.approx([2 / 3, 1 / 3])
    assert f1(pool, rule_of(np.array([0.5, 0.5]))) < 0.5 < f1(pool, rule_of(np.array([2 / 3, 1 / 3]))) == 1


def test_of_equals_one_that_votes_already_is_added_again_else_the_better_one() -> None:
    perfect = says(N >= 0)
    pool = pool_of(TRUTH, [perfect, perfect, says(N % 2 == 0)], 6)
    for rank, expected in (((0, 1, 2), [1, 0, 0]), ((1, 0, 2), [0, 1, 0])):
        assert _added(pool, np.ones(60, np.int64), np.array(rank)).tolist() == expected


def test_it_chooses_by_people_not_by_photos() -> None:
    """Of one person there are 40 photos: a member that is right of that one only is drawn in some of the bags."""
    pool = pool_of(TRUTH, [says(N >= 40), says(N < 40)], 6, photos=20)
    assert all(0 < weight < 1 for weight in greedy(pool))
