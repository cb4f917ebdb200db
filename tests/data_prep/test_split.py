import numpy as np
import pandas as pd
import pytest

from data_prep.split import assign, folds
from errors import OptionError


def people(n: int = 200, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {"gender": rng.choice(["male", "female"], n), "age": rng.integers(18, 61, n)},
        index=[f"{i:06d}-1_person" for i in range(n)],
    )


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    frame = people()
    shuffled = frame.sample(frac=1, random_state=3)
    pd.testing.assert_series_equal(assign(shuffled).sort_index(), assign(frame).sort_index())
    pd.testing.assert_series_equal(folds(shuffled, 5, 0).sort_index(), folds(frame, 5, 0).sort_index())


def test_the_seed_decides_who_goes_where():
    frame = people()
    assert assign(frame, seed=1).equals(assign(frame, seed=1))
    assert not assign(frame, seed=1).equals(assign(frame, seed=2))
    assert not folds(frame, 5, seed=1).equals(folds(frame, 5, seed=2))


def test_fractions_hold_overall_and_within_every_stratum():
    frame = people(2700)
    split = assign(frame)
    shares = split.value_counts(normalize=True)
    assert [round(shares[name], 2) for name in ("train", "val", "test")] == [0.70, 0.15, 0.15]
    women = split[frame["gender"] == "female"].value_counts(normalize=True)
    assert abs(women["val"] - 0.15) < 0.01


@pytest.mark.parametrize("n", range(3, 12))
def test_a_stratum_of_three_has_somebody_in_every_split(n):
    frame = pd.DataFrame({"gender": "male", "age": 60}, index=[f"p{i}" for i in range(n)])
    assert set(assign(frame)) == {"train", "val", "test"}
    assert set(assign(frame, fractions=(0.1, 0.45, 0.45))) == {"train", "val", "test"}


def test_a_lonely_person_trains():
    frame = pd.DataFrame({"gender": ["male"], "age": [60]}, index=["p"])
    assert list(assign(frame)) == ["train"]


def test_everybody_is_in_exactly_one_fold_and_folds_are_even():
    frame = people(203)
    fold = folds(frame, 5, seed=0)
    sizes = fold.value_counts()
    assert set(sizes.index) == set(range(5))
    assert sizes.max() - sizes.min() <= 1
    old = fold[frame["age"] >= 60].value_counts().reindex(range(5), fill_value=0)
    assert old.max() - old.min() <= 2


def test_impossible_fractions_and_folds_are_refused():
    with pytest.raises(OptionError, match="sum to 1"):
        assign(people(), fractions=(0.7, 0.2, 0.2))
    with pytest.raises(OptionError, match="k=1"):
        folds(people(), 1, 0)
    with pytest.raises(ValueError, match="one row a person"):
        assign(pd.concat([people(5), people(5)]))
