import pickle
import sys

import numpy as np
import pandas as pd
import pytest

from common.errors import OptionError
from data_prep.store.store import Store, write
from tests.helpers.relabelled import coloured


def people(store: Store, split: str) -> set[str]:
    return set(store.person[store.rows(split)])


@pytest.mark.parametrize("folds", [2, 5])
def test_folds_put_every_train_and_val_person_in_val_exactly_once(small_store, folds):
    views = [small_store.with_folds(folds, fold) for fold in range(folds)]
    held_out = [person for view in views for person in people(view, "val")]
    assert len(held_out) == len(set(held_out)) == 48
    assert set(held_out) == people(small_store, "train") | people(small_store, "val")
    rows = np.concatenate([view.rows("val") for view in views])
    assert sorted(rows.tolist()) == sorted([*small_store.rows("train"), *small_store.rows("val")])


def test_nobody_trains_and_judges_in_one_fold(small_store):
    for fold in range(4):
        view = small_store.with_folds(4, fold)
        assert not people(view, "train") & people(view, "val")
        assert len(people(view, "train")) == 36


def test_test_and_eval_people_stay_where_they_are(small_store):
    for fold in range(3):
        view = small_store.with_folds(3, fold)
        for split in ("test", "eval"):
            assert np.array_equal(view.rows(split), small_store.rows(split))


def test_every_fold_judges_people_of_every_stratum(small_store):
    strata = small_store.classes() % 6  # gender and band; 8 people each
    for fold in range(4):
        assert set(strata[small_store.with_folds(4, fold).rows("val")]) == set(range(6))


def test_a_fold_is_a_pure_function_of_the_store_and_leaves_it_alone(small_store):
    before = small_store.rows("val")
    view = small_store.with_folds(3, 1)
    assert np.array_equal(small_store.rows("val"), before)
    assert not np.array_equal(view.rows("val"), before)
    again = view.with_folds(2, 0).with_folds(3, 1)
    assert np.array_equal(again.rows("val"), view.rows("val"))


def test_a_fold_has_the_photos_hash_and_statistics_of_its_store(small_store):
    view = small_store.with_folds(3, 2)
    assert view.hash == small_store.hash
    assert np.array_equal(view.mean, small_store.mean)
    assert np.array_equal(view.read([5, 300]), small_store.read([5, 300]))


def test_a_fold_is_pickled_as_its_path_and_which_one_it_is(small_store):
    view = small_store.with_folds(3, 2)
    data = pickle.dumps(view)
    assert len(data) < 500
    assert np.array_equal(pickle.loads(data).rows("val"), view.rows("val"))


def test_people_whose_gender_or_age_nobody_knows_are_in_a_fold_too(tmp_path):
    frame = pd.DataFrame({"path": list("abcd"), "person": list("abcd"), "mask": "worn", "split": "train"})
    frame = frame.assign(gender=["male", None, "female", None], age=[20, 30, None, None])
    store = write(tmp_path / "s", coloured((4, 6, 4, 3)), frame)
    assert [len(store.with_folds(2, fold).rows("val")) for fold in range(2)] == [2, 2]


def test_impossible_folds_are_refused(small_store):
    with pytest.raises(OptionError, match="k=1 of 48 people"):
        small_store.with_folds(1, 0)
    with pytest.raises(OptionError, match="k=49 of 48 people"):
        small_store.with_folds(49, 0)
    with pytest.raises(ValueError, match="fold=3 of folds=3"):
        small_store.with_folds(3, 3)


def test_labels_are_read_in_few_steps_a_photo(small_store):
    """Each view reads its labels anew: of 30,000 photos, a hundred steps for each took five seconds and more."""
    many = Store(small_store.path, small_store.meta, pd.concat([small_store.index] * 10), [])
    calls = [0]

    def heard(frame, event, given):
        calls[0] += event == "call"

    sys.setprofile(heard)
    try:
        lowest, highest = many.age_min, many.age_max
    finally:
        sys.setprofile(None)
    assert calls[0] < 10 * len(many)
    assert np.array_equal(lowest, np.tile(small_store.age_min, 10)) and (lowest <= highest).all()
