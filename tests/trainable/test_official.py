"""A trial is trained on the store's official bands unless told otherwise, and judged on photos that have a class."""

import numpy as np
import pytest
import torch

from common.errors import StoreError
from data_prep.labels import MISSING
from tests.helpers.relabelled import mixed, relabelled, without
from trainable import official
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.recipe.metrics import macro_f1
from trainable.workbench import Workbench

CPU = torch.device("cpu")


def test_official_bands_are_the_thresholds_of_a_trial():
    labels = TrialConfig.from_flat(official.thresholds((25, 40))).labels
    assert (labels.young_below, labels.old_from) == (25, 40)
    assert TrialConfig.from_flat(official.thresholds((30, 60))) == TrialConfig()


@pytest.mark.parametrize(
    ("labels", "split", "message"),
    [
        (["mask"], None, r"none of its 252 train photos has all the labels .* \(no mask for 252\); add the labels"),
        (["gender", "age"], None, r"\(no gender for 252, no age in one band for 252\)"),
        (["gender"], "val", r"none of its 84 val photos has .* \(no gender for 84\)"),
    ],
)
def test_a_store_in_which_nobody_has_all_labels_of_its_task_is_refused(small_store, tmp_path, labels, split, message):
    with pytest.raises(StoreError, match=message):
        official.check_labelled(without(small_store, tmp_path / "store", *labels, split=split))


def test_an_age_range_that_spans_a_threshold_counts_as_no_age(small_store, tmp_path):
    index = small_store.index.assign(age="20-29")
    with pytest.raises(StoreError, match=r"none of its 252 train photos .* \(no age in one band for 252\)"):
        official.check_labelled(relabelled(small_store, tmp_path / "ranges", index, bands=(25, 40)))


def test_a_store_without_val_is_refused(small_store, tmp_path):
    index = small_store.index.assign(split="train")
    with pytest.raises(StoreError, match="has no val photos; prepare it with more people"):
        official.check_labelled(relabelled(small_store, tmp_path / "store", index))


def test_only_photos_with_a_class_are_trained_on_and_judged(small_store, tmp_path, small_config):
    store = mixed(small_store, tmp_path / "store")
    official.check_labelled(store)
    trial = Trial(small_config(), store, Workbench(CPU))
    for rows, split in ((trial._rows, "train"), (trial.val_rows, "val")):
        assert 0 < len(rows) < len(store.rows(split))
        assert np.array_equal(rows, store.labelled(split))
        assert (store.classes()[rows] != MISSING).all()
    found = trial.run_epoch()
    assert found["train_photos"] == len(store.labelled("train"))
    truth = store.classes()[store.labelled("val")]
    assert found["val_f1"] == macro_f1(truth, trial.best.predictions.argmax(axis=1))


def test_a_trial_is_judged_on_the_stores_own_bands(small_store, tmp_path, small_config):
    store = mixed(small_store, tmp_path / "store", bands=(25, 40))
    trial = Trial(small_config(**official.thresholds(store.bands)), store, Workbench(CPU))
    bands = np.digitize(store.age_min[trial.val_rows], (25, 40))
    assert np.array_equal(trial._val_classes % 3, bands)
    assert np.array_equal(trial._classes, store.classes()[trial._rows])
