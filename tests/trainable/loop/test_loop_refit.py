"""A refit: a trial on train and val together, which nobody is left to judge."""

import math
import pickle

import numpy as np
import pytest
import torch

from common.errors import ConfigError
from trainable import best
from trainable.loop import train


def _untimed(reports):
    return [
        {key: value for key, value in report.items() if key not in ("photos_per_s", "seconds")} for report in reports
    ]


def test_it_trains_on_exactly_the_train_and_val_photos(small_trial, small_store):
    trial = small_trial(train__refit=1)
    both = [*small_store.rows("train"), *small_store.rows("val")]
    assert trial._rows.tolist() == sorted(both)
    assert len(trial.val_rows) == 0
    found = trial.run_epoch()
    assert found["train_photos"] == len(both)
    assert not [name for name in found if name.startswith("val_")]
    assert found["best_epoch"] == found["epoch"] == 1


def test_its_store_has_the_tests_people_where_they_were_and_is_pickled_as_what_it_is(small_store):
    view = small_store.with_val_in_train()
    assert np.array_equal(view.rows("test"), small_store.rows("test"))
    assert np.array_equal(view.rows("eval"), small_store.rows("eval"))
    assert view.hash == small_store.hash and np.array_equal(view.mean, small_store.mean)
    data = pickle.dumps(view)
    assert len(data) < 500
    assert np.array_equal(pickle.loads(data).rows("train"), view.rows("train"))
    assert len(small_store.rows("val")) > 0


def test_the_last_epochs_weights_are_kept_and_no_predictions(small_trial, small_store, tmp_path):
    trial = small_trial(train__refit=1, train__epochs=2)
    train(trial, lambda _: None, tmp_path)
    _, weights, about = best.load_best(tmp_path / "best.safetensors")
    assert all(torch.equal(weights[name], value) for name, value in trial.model.state_dict().items())
    assert about["epoch"] == 2 and math.isnan(about["val_f1"]) and about["store_hash"] == small_store.hash
    assert not (tmp_path / "val_predictions.npz").exists()


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_two_epochs_are_one_a_restart_and_one_to_the_bit(small_trial, tmp_path, ema):
    changes, whole, parts = {"train__refit": 1, "train__ema": ema}, [], []
    undisturbed = small_trial(**changes, train__epochs=2)
    train(undisturbed, whole.append)
    train(small_trial(**changes, train__epochs=1), parts.append, tmp_path)
    resumed = small_trial(**changes, train__epochs=2)
    train(resumed, parts.append, tmp_path)
    assert _untimed(parts) == _untimed(whole)
    assert all(torch.equal(resumed.best.weights[name], each) for name, each in undisturbed.best.weights.items())


def test_a_refit_on_folds_is_refused(small_config):
    with pytest.raises(ConfigError, match="train/refit: refit = 0 or folds = 0 must hold"):
        small_config(train__refit=1, train__folds=3)
    with pytest.raises(ConfigError, match="train/refit: refit = 0 or refit = 1 must hold, but got 2"):
        small_config(train__refit=2)
