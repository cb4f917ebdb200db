import numpy as np
import pytest

from ensemble.selection.candidates import Candidate
from ensemble.selection.greedy import choose, vote_f1


def candidate(name: str, truth: np.ndarray, right: np.ndarray, sure: float = 0.9, unsure: float = 0.5) -> Candidate:
    """Predicts the truth with probability `sure` where `right`, elsewhere the next class with `unsure`."""
    top = np.where(right, sure, unsure).astype(np.float32)
    probabilities = np.repeat((1 - top)[:, None] / 17, 18, axis=1)
    probabilities[np.arange(len(truth)), np.where(right, truth, (truth + 1) % 18)] = top
    return Candidate(name, (), vote_f1([Candidate(name, (), 0, probabilities)], truth), probabilities)


@pytest.fixture
def truth() -> np.ndarray:
    return np.repeat(np.arange(6), 10)


def test_members_that_err_on_different_photos_are_chosen_together(truth: np.ndarray) -> None:
    n = np.arange(len(truth))
    first = candidate("first", truth, n % 4 != 0)
    twin = candidate("twin", truth, n % 4 != 0)
    other = candidate("other", truth, n % 4 != 1)
    chosen = choose([first, twin, other], truth, members=2)
    assert [member.name for member in chosen] == ["first", "other"]
    assert vote_f1(chosen, truth) > first.val_f1


def test_the_vote_is_never_below_its_best_member(truth: np.ndarray) -> None:
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rights = [rng.random(len(truth)) < share for share in rng.uniform(0.2, 0.9, size=6)]
        pool = [candidate(str(i), truth, right, *rng.uniform(0.3, 0.99, size=2)) for i, right in enumerate(rights)]
        chosen = choose(pool, truth, members=4)
        assert 1 <= len(chosen) <= 4
        assert vote_f1(chosen, truth) >= max(member.val_f1 for member in pool)


def test_a_trial_far_below_the_best_does_not_vote_even_if_it_would_help_on_val(truth: np.ndarray) -> None:
    n = np.arange(len(truth))
    good, lucky = candidate("good", truth, n % 10 != 0), candidate("lucky", truth, n % 10 == 0)
    assert vote_f1([good, lucky], truth) > good.val_f1
    assert [member.name for member in choose([good, lucky], truth, members=2)] == ["good"]


def test_no_trial_votes_twice(truth: np.ndarray) -> None:
    pool = [candidate(str(i), truth, np.arange(len(truth)) % 9 != i) for i in range(3)]
    names = [member.name for member in choose(pool, truth, members=9)]
    assert len(names) == len(set(names)) <= 3
