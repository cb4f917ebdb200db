"""A trial on one of several folds instead of the store's own train and val."""

import numpy as np
import pytest

from common.errors import CheckpointError, ConfigError, OptionError


def _people(trial, rows):
    return set(trial.store.person[rows])


def test_without_folds_a_trial_uses_the_stores_own_split(small_trial, small_store):
    trial = small_trial()
    assert trial.store is small_store
    assert np.array_equal(trial.val_rows, small_store.rows("val"))


def test_a_trial_trains_on_nobody_it_is_judged_on_and_never_on_test_people(small_trial, small_store):
    test = set(small_store.person[small_store.rows("test")])
    judged = []
    for fold in range(3):
        trial = small_trial(train__folds=3, train__fold=fold)
        trained_on, judged_on = _people(trial, trial._rows), _people(trial, trial.val_rows)
        assert not trained_on & judged_on
        assert not (trained_on | judged_on) & test
        judged += trial.val_rows.tolist()
    assert sorted(judged) == sorted([*small_store.rows("train"), *small_store.rows("val")])


def test_a_trial_reports_the_score_on_its_own_fold(small_trial):
    trial = small_trial(train__folds=3, train__fold=1)
    found = trial.run_epoch()
    assert found["train_photos"] == 32 * 7
    assert trial.best.predictions.shape == (16 * 7, 18)


def test_a_checkpoint_of_another_fold_is_refused(small_trial):
    state = small_trial(train__folds=3, train__fold=1).state_dict()
    same = small_trial(train__folds=3, train__fold=1)
    same.load_state_dict({**state, "epoch": 3})
    assert same.epoch == 3
    with pytest.raises(CheckpointError, match="its train/fold is 1, this trial's 2"):
        small_trial(train__folds=3, train__fold=2).load_state_dict(state)
    with pytest.raises(CheckpointError, match="its train/fold is 1, this trial's 0"):
        small_trial().load_state_dict(state)


def test_a_checkpoint_from_before_there_were_folds_still_loads(small_trial):
    first, second = small_trial(), small_trial()
    first.run_epoch()
    state = first.state_dict()
    older = {key: value for key, value in state["config"].items() if key not in ("train/folds", "train/fold")}
    second.load_state_dict({**state, "config": older})
    assert second.epoch == 1


@pytest.mark.parametrize(("folds", "fold"), [(1, 0), (-1, 0), (0, 1), (3, 3), (3, -1)])
def test_a_fold_that_there_cannot_be_is_refused(small_config, folds, fold):
    with pytest.raises(ConfigError, match="train/fold"):
        small_config(train__folds=folds, train__fold=fold)


def test_more_folds_than_people_are_refused(small_trial):
    with pytest.raises(OptionError, match="k=49 of 48 people"):
        small_trial(train__folds=49)
