import numpy as np
import pytest

from common.errors import SearchError
from common.search_folder import VAL_PREDICTIONS
from data_prep.task import Task
from tuning.confirm.statistics import Candidate, Confirmation, Run, _best, _draw_seeds, confirm, read_runs

ROWS = np.arange(10, 70)
"""Of a store of 80 photos: 30 people of two photos each."""
TRUTH = np.arange(80) // 2 % 3
PERSON = np.array([f"p{row // 2}" for row in range(80)], dtype=object)
AGE = Task(("age",))


def right_for(share: float, seed: int = 0, rows=ROWS) -> Run:
    """A run that is right about each of so many of the people, and one class off about the rest."""
    right = np.random.default_rng(seed).random(80) < share
    return Run(rows, np.where(right[rows // 2], TRUTH[rows], (TRUTH[rows] + 1) % 3))


def confirmed(*candidates: Candidate, **options) -> Confirmation:
    return confirm(candidates, TRUTH, PERSON, AGE, trials=50, **options)


def seeds(name: str, *runs: Run, searched: float = 0.6) -> Candidate:
    return Candidate(name, searched, runs)


def test_two_candidates_with_the_same_predictions_are_equally_likely_the_best():
    run = right_for(0.7)
    found = confirmed(seeds("a", run, run), seeds("b", run, run, run)).candidates
    assert [each.name for each in found] == ["a", "b"]
    assert [each.best for each in found] == pytest.approx([0.5, 0.5], abs=0.05)
    assert found[0].gain.gain == 0
    assert not found[0].gain.told_apart


def test_a_tie_of_two_for_the_first_place_leaves_the_third_nothing():
    good, bad = right_for(1.0), right_for(0.0)
    found = confirmed(seeds("a", bad), seeds("b", good), seeds("c", good)).candidates
    assert [each.name for each in found] == ["b", "c", "a"]
    assert [each.best for each in found] == pytest.approx([0.5, 0.5, 0], abs=0.05)
    assert (found[1].above_next, found[2].above_next, found[2].gain) == (1, None, None)
    assert found[1].gain.told_apart


def test_a_perfect_candidate_is_certainly_above_a_random_one():
    guesses = np.random.default_rng(0).integers(0, 3, (3, len(ROWS)))
    random = seeds("random", *(Run(ROWS, guess) for guess in guesses), searched=0.9)
    first, second = confirmed(random, seeds("perfect", *[right_for(1.0)] * 3)).candidates
    assert (first.name, first.score, first.sd, first.high) == ("perfect", 1.0, 0.0, 1.0)
    assert 0.9 < first.low < 1  # thirty people without a mistake do not prove that it makes none
    assert (first.best, first.above_next, second.best, second.above_next) == (1.0, 1.0, 0.0, None)


def test_seeds_are_averaged_and_their_spread_is_that_of_a_sample():
    runs = [right_for(1.0), right_for(0.0)]  # F1 1 and 0: mean 1/2, variance (1/4 + 1/4)/(2 - 1)
    (found,) = confirmed(seeds("a", *runs)).candidates
    assert (found.runs, found.score) == ((1.0, 0.0), 0.5)
    assert found.sd == pytest.approx(0.5**0.5)


def test_one_seed_has_no_spread():
    (found,) = confirmed(seeds("a", right_for(0.7))).candidates
    assert found.sd is None
    assert found.low < found.score < found.high
    assert (found.best, found.above_next) == (1.0, None)


def test_the_interval_is_also_over_seeds():
    (alike,) = confirmed(seeds("a", *[right_for(0.7)] * 3)).candidates
    (apart,) = confirmed(seeds("a", right_for(1.0), right_for(1.0), right_for(0.0))).candidates
    assert alike.high - alike.low < 0.5
    assert apart.low < 0.1 < 0.9 < apart.high  # of F1 1, 1, 0 two are drawn: their mean is 1, 1/2 or 0


def test_the_order_is_also_over_seeds():
    # Of F1 1, 1, 0 two are drawn: their mean is 1, 1/2, 0 in 4, 4, 1 of 9 cases; of 1, 0, 0 in 1, 4, 4. The first is
    # above in 4*8 + 4*4 of 81 cases, level in 4 + 16 + 4.
    drawn = _draw_seeds([np.tile([1.0, 1.0, 0.0], (9000, 1)), np.tile([1.0, 0.0, 0.0], (9000, 1))], seed=0)
    assert _best(drawn)[0] == pytest.approx((48 + 24 / 2) / 81, abs=0.02)


def test_the_variance_of_resampled_means_is_that_of_a_mean_of_seeds():
    # Of F1 1, 1, 0 s^2 is 1/3, so that of a mean of three is 1/9; that of two drawn from them is (2/9)/2.
    drawn = _draw_seeds([np.tile([1.0, 1.0, 0.0], (20000, 1))], seed=0)
    assert drawn.var() == pytest.approx(1 / 9, rel=0.03)


def test_a_better_candidate_is_ranked_first_whatever_the_search_said():
    found = confirmed(seeds("a", right_for(0.6), searched=0.9), seeds("b", right_for(0.7, 1), searched=0.4)).candidates
    assert [each.name for each in found] == ["b", "a"]
    assert 0.5 < found[0].best == found[0].above_next < 1
    assert found[0].best + found[1].best == pytest.approx(1)


def test_a_confirmation_repeats_itself_and_its_seed_decides():
    candidates = [seeds(name, right_for(0.7, i), right_for(0.7, i + 5)) for i, name in enumerate("ab")]
    assert confirmed(*candidates) == confirmed(*candidates)
    assert confirmed(*candidates) != confirmed(*candidates, seed=1)


def test_folds_are_joined_to_one_prediction_a_photo():
    whole = right_for(0.7)
    even, odd = (Run(ROWS[part == ROWS // 2 % 2], whole.predicted[part == ROWS // 2 % 2]) for part in (0, 1))
    joined = confirmed(seeds("a", odd, even))
    assert (joined.kind, joined.photos, joined.people) == ("folds", 60, 30)
    (found,), (expected,) = joined.candidates, confirmed(seeds("a", whole)).candidates
    assert (found.score, found.low, found.high) == (expected.score, expected.low, expected.high)
    assert len(found.runs) == 2
    assert found.sd == pytest.approx(abs(found.runs[0] - found.runs[1]) / 2**0.5)


def test_folds_of_two_candidates_are_compared_on_the_same_people():
    parts = [ROWS[part == ROWS // 2 % 3] for part in range(3)]
    good, bad = (
        seeds(name, *(right_for(share, rows=part) for part in parts)) for name, share in {"g": 1, "b": 0}.items()
    )
    found = confirmed(bad, good).candidates
    assert [(each.name, each.best) for each in found] == [("g", 1.0), ("b", 0.0)]


def test_candidates_that_were_not_judged_on_the_same_photos_are_not_compared():
    with pytest.raises(SearchError, match=r"a and b were not judged on the same photos \(60 and 59\)"):
        confirmed(seeds("a", right_for(0.7)), seeds("b", right_for(0.7, rows=ROWS[1:])))
    with pytest.raises(SearchError, match="some of them share some"):
        confirmed(seeds("a", right_for(0.7), right_for(0.7, rows=ROWS[1:])))
    with pytest.raises(SearchError, match="a has no run that ended"):
        seeds("a")


def test_a_run_has_a_class_for_each_of_ascending_rows():
    for rows, predicted in (([1, 0], [0, 0]), ([1, 1], [0, 0]), ([1], [0, 0]), ([], [])):
        with pytest.raises(ValueError, match="ascending rows"):
            Run(np.array(rows), np.array(predicted))


def _save(folder, store, **changes):
    """What a trial leaves of its 84 val photos, as far as it is read."""
    folder.mkdir()
    given = {
        "probabilities": np.eye(18, dtype=np.float32)[np.arange(84) % 18],
        "rows": store.rows("val"),
        "store_hash": store.hash,
    }
    np.savez(folder / VAL_PREDICTIONS, **{**given, **changes})


def test_runs_are_read_by_the_name_of_their_trial(tmp_path, small_store):
    for name in ("trial-002", "trial-001"):
        _save(tmp_path / name, small_store)
    (tmp_path / "trial-003").mkdir()  # failed in its first epoch
    runs = read_runs(tmp_path, small_store)
    assert list(runs) == ["trial-001", "trial-002"]
    assert np.array_equal(runs["trial-002"].rows, small_store.rows("val"))
    assert runs["trial-002"].predicted[:20].tolist() == [*range(18), 0, 1]
    found = confirm([seeds("a", *runs.values())], small_store.classes(), small_store.person, small_store.task, trials=4)
    assert (found.photos, found.people) == (84, 12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"store_hash": "other"}, "made on another store"),
        ({"rows": np.arange(430, 514)}, "made on another store"),
        ({"rows": np.arange(5)}, "is damaged"),
        ({"rows": np.array([None] * 84)}, "is damaged"),  # would have to be unpickled
        ({"probabilities": np.zeros(84)}, "is damaged"),
    ],
)
def test_predictions_of_another_store_or_shape_are_refused(tmp_path, small_store, changes, message):
    _save(tmp_path / "trial-001", small_store, **changes)
    with pytest.raises(SearchError, match=message):
        read_runs(tmp_path, small_store)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut short"])
def test_a_damaged_file_of_predictions_is_one_line(tmp_path, small_store, content):
    (tmp_path / "trial-001").mkdir()
    (tmp_path / "trial-001" / VAL_PREDICTIONS).write_bytes(content)
    with pytest.raises(SearchError, match=r"trial-001/val_predictions\.npz is damaged") as caught:
        read_runs(tmp_path, small_store)
    assert "\n" not in str(caught.value)
