import numpy as np
import pandas as pd
import pytest

from common.errors import OptionError
from data_prep.labels import MISSING
from data_prep.store.split import assign, folds, strata, units


def people(n: int = 200, seed: int = 0) -> pd.Series:
    rng = np.random.default_rng(seed)
    genders, bands = rng.integers(0, 2, n), rng.integers(0, 3, n)
    return pd.Series(
        [f"{gender}/{band}" for gender, band in zip(genders, bands, strict=True)],
        index=[f"{i:06d}-1_person" for i in range(n)],
    )


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    known = people()
    shuffled = known.sample(frac=1, random_state=3)
    pd.testing.assert_series_equal(assign(shuffled).sort_index(), assign(known).sort_index())
    pd.testing.assert_series_equal(folds(shuffled, 5, 0).sort_index(), folds(known, 5, 0).sort_index())


def test_the_seed_decides_who_goes_where():
    known = people()
    assert assign(known, seed=1).equals(assign(known, seed=1))
    assert not assign(known, seed=1).equals(assign(known, seed=2))
    assert not folds(known, 5, seed=1).equals(folds(known, 5, seed=2))


def test_fractions_hold_overall_and_within_every_stratum():
    known = people(2700)
    split = assign(known)
    shares = split.value_counts(normalize=True)
    assert [round(shares[name], 2) for name in ("train", "val", "test")] == [0.70, 0.15, 0.15]
    women = split[known.str.startswith("1/")].value_counts(normalize=True)
    assert abs(women["val"] - 0.15) < 0.01


@pytest.mark.parametrize("n", range(3, 12))
def test_a_stratum_of_three_has_somebody_in_every_split(n):
    known = pd.Series("0/2", index=[f"p{i}" for i in range(n)])
    assert set(assign(known)) == {"train", "val", "test"}
    assert set(assign(known, fractions=(0.1, 0.45, 0.45))) == {"train", "val", "test"}


def test_a_lonely_person_trains():
    known = pd.Series(["0/2"], index=["p"])
    assert list(assign(known)) == ["train"]


def test_everybody_is_in_exactly_one_fold_and_folds_are_even():
    known = people(203)
    fold = folds(known, 5, seed=0)
    sizes = fold.value_counts()
    assert set(sizes.index) == set(range(5))
    assert sizes.max() - sizes.min() <= 1
    old = fold[known.str.endswith("/2")].value_counts().reindex(range(5), fill_value=0)
    assert old.max() - old.min() <= 2


def test_impossible_fractions_and_folds_are_refused():
    with pytest.raises(OptionError, match="sum to 1"):
        assign(people(), fractions=(0.7, 0.2, 0.2))
    with pytest.raises(OptionError, match="k=1"):
        folds(people(), 1, 0)
    with pytest.raises(ValueError, match="one row a person"):
        assign(pd.concat([people(5), people(5)]))


def test_a_stratum_is_gender_and_band_and_of_people_with_one_photo_the_mask_too():
    found = strata(
        ["b", "b", "a", "c"], mask=[0, 2, 0, 2], gender=[1, 1, MISSING, MISSING], band=[2, 2, MISSING, MISSING]
    )
    assert list(found.index) == ["b", "a", "c"]
    assert found["a"] != found["c"] and found["b"] not in (found["a"], found["c"])
    again = strata(["b", "b"], mask=[1, 1], gender=[1, 1], band=[2, 2])
    assert again["b"] == found["b"]


def test_who_hangs_together_is_named_by_the_least_of_them():
    assert units([("b", "c"), ("e", "d"), ("c", "a"), ("f",)]) == {
        **dict.fromkeys("abc", "a"),
        "d": "d",
        "e": "d",
        "f": "f",
    }
    assert units([]) == {}


def test_people_of_one_unit_are_in_one_split_and_one_fold():
    known = people(203)
    unit = units([tuple(known.index[i : i + 4]) for i in range(0, 80, 8)])
    for given in (assign(known, unit=unit), folds(known, 5, unit=unit)):
        for name in set(unit.values()):
            assert len(set(given[[person for person in unit if unit[person] == name]])) == 1
        assert list(given.index) == list(known.index)
    shuffled = known.sample(frac=1, random_state=3)
    pd.testing.assert_series_equal(assign(shuffled, unit=unit).sort_index(), assign(known, unit=unit).sort_index())


def test_units_of_one_change_nothing():
    known = people()
    alone = {person: person for person in known.index[:50]}
    pd.testing.assert_series_equal(assign(known, unit=alone), assign(known))
    pd.testing.assert_series_equal(folds(known, 4, unit=alone), folds(known, 4))
