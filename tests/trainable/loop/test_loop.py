import copy
import math

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F

from common.errors import CheckpointError, ConfigError, DivergedError
from data_prep.store import store as stores
from data_prep.store.meta import StoreMeta
from trainable.loop import Trial, train
from trainable.photos.feed import Streamed
from trainable.predict import predict
from trainable.recipe.intervals import Score
from trainable.recipe.metrics import macro_f1
from trainable.recipe.schedule import learning_rate
from trainable.workbench import Workbench

CPU = torch.device("cpu")
KEYS = [
    "epoch", "train_loss", "train_focal", "train_smoothing", "train_soft_f1", "train_photos", "lr", "val_loss",
    "val_accuracy", "val_f1", "val_f1_mask", "val_f1_gender", "val_f1_age", "val_f1_best",
    "val_f1_low", "val_f1_high", "best_epoch", "micro_batches", "photos_per_s", "seconds",
]  # fmt: skip
TIMES = ("photos_per_s", "seconds")


def _untimed(reports):
    return [{key: value for key, value in report.items() if key not in TIMES} for report in reports]


def _equal(one, other):
    """Whether two nested states hold the same bits."""
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_four_epochs_are_two_a_restart_and_two_to_the_bit(small_trial, tmp_path, optimizer):
    changes = {"optimizer__name": optimizer, "schedule__max_lr": 0.01}
    whole, parts = [], []
    undisturbed = small_trial(**changes)
    train(undisturbed, whole.append, None)
    train(small_trial(**changes, train__epochs=2), parts.append, tmp_path)
    torch.rand(7)  # what else happens to the global generator must not matter
    resumed = small_trial(**changes)
    train(resumed, parts.append, tmp_path)
    assert _untimed(parts) == _untimed(whole)
    assert _equal(resumed.state_dict(), undisturbed.state_dict())


def test_an_epoch_reports_all_its_plain_numbers(small_trial):
    trial = small_trial(train__batch_size=50)
    found = trial.run_epoch()
    assert sorted(found) == sorted(KEYS)
    assert {type(value) for value in found.values()} == {int, float}
    assert (found["epoch"], found["best_epoch"], trial.epoch) == (1, 1, 1)
    assert found["train_photos"] == 252  # five batches of 50 and one of 2
    assert found["lr"] == learning_rate(5 / 6, trial.config.schedule)
    parts = found["train_focal"] + found["train_smoothing"] + found["train_soft_f1"]
    assert found["train_loss"] == pytest.approx(parts, rel=1e-5)


def test_on_a_gpu_an_epoch_also_reports_the_most_memory_of_its_own(small_trial, monkeypatch):
    trial, calls = small_trial(), []

    def peak(asked):  # torch's two calls, since there is no GPU in CI
        calls.append("peak")
        return 3e9 if asked.type == "cuda" else 0

    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda asked: calls.append("reset"))
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", peak)
    assert "gpu_memory_gb" not in trial.run_epoch() and not calls
    work = ("_train", "_validate")
    for name in work:
        monkeypatch.setattr(trial, name, lambda name=name: calls.append(name) or {"train_photos": 1})
    trial.device = torch.device("cuda")
    assert [trial.run_epoch()["gpu_memory_gb"] for _ in range(2)] == [3.0, 3.0]
    assert calls == ["reset", *work, "peak"] * 2


def test_the_rate_moves_at_every_step_of_an_epoch(small_trial, monkeypatch):
    trial = small_trial(train__batch_size=126)
    rates = []
    step = trial._step
    monkeypatch.setattr(trial, "_step", lambda *given: rates.append(given[-1]) or step(*given))
    trial.run_epoch()
    trial.run_epoch()
    assert rates == [learning_rate(epoch, trial.config.schedule) for epoch in (0, 0.5, 1, 1.5)]


def test_training_learns_what_the_photos_tell(small_trial):
    trial = small_trial(train__epochs=5, train__batch_size=32, schedule__max_lr=1e-3)
    reports = []
    train(trial, reports.append)
    assert reports[-1]["train_loss"] < reports[0]["train_loss"] / 1.5
    assert trial.best.val_f1 > 0.2


def test_validation_uses_all_of_val_and_official_labels_whatever_a_trial_trains_on(small_trial, small_store):
    trial = small_trial(labels__young_below=21, labels__old_from=46, labels__young_gap=20, labels__old_gap=4)
    found = trial.run_epoch()
    official = small_store.classes()[small_store.rows("val")]
    assert np.array_equal(trial.val_rows, small_store.rows("val"))
    assert set((trial._classes % 3).tolist()) == {0, 2}  # nobody of 41 is in the store: two bands to train on
    assert set((official % 3).tolist()) == {0, 1, 2}
    predictions = trial.best.predictions
    assert found["val_f1"] == macro_f1(official, predictions.argmax(axis=1))
    assert found["val_accuracy"] == (predictions.argmax(axis=1) == official).mean()
    cross_entropy = F.nll_loss(torch.from_numpy(predictions).log(), torch.from_numpy(official)).item()
    assert found["val_loss"] == pytest.approx(cross_entropy, rel=1e-5)


def test_the_best_epoch_keeps_the_weights_that_made_its_predictions(small_trial, small_store):
    trial = small_trial()
    reports = [trial.run_epoch() for _ in range(3)]
    assert trial.best.val_f1 == max(report["val_f1"] for report in reports) == reports[-1]["val_f1_best"]
    truth, person = small_store.classes()[trial.val_rows], small_store.person[trial.val_rows]
    score = Score.of(truth, trial.best.predictions.argmax(axis=1), person, small_store.task)
    assert (score.low, score.high) == (reports[-1]["val_f1_low"], reports[-1]["val_f1_high"])
    trial.model.load_state_dict(trial.best.weights)
    again = predict(trial.model, Streamed(small_store, CPU), trial.val_rows, trial.preprocessing)
    assert np.array_equal(again, trial.best.predictions)


def test_another_seed_gives_another_trial(small_trial):
    assert small_trial().run_epoch()["train_loss"] != small_trial(train__seed=1).run_epoch()["train_loss"]


def test_a_trial_draws_nothing_from_the_global_generators(small_trial):
    before = torch.get_rng_state(), copy.deepcopy(np.random.get_state(legacy=False))  # noqa: NPY002
    small_trial().run_epoch()
    assert torch.equal(before[0], torch.get_rng_state())
    assert str(before[1]) == str(np.random.get_state(legacy=False))  # noqa: NPY002


def test_a_loss_that_is_not_finite_names_quantity_epoch_and_step(small_trial):
    trial = small_trial(optimizer__name="sgd", schedule__max_lr=1e30)
    # The warm-up's first step has a small rate; the second leaves weights that the third cannot compute with.
    pattern = r"^train_loss became nan in epoch 1, step 3 of 4 \(lr 5e\+29\): try a lower schedule/max_lr$"
    with pytest.raises(DivergedError, match=pattern):
        trial.run_epoch()


def test_a_later_epoch_that_starts_from_broken_weights_names_its_first_step(small_trial):
    trial = small_trial()
    trial.run_epoch()
    torch.nn.init.constant_(trial.model[-1].bias, math.nan)
    with pytest.raises(DivergedError, match="train_loss became nan in epoch 2, step 1 of 4"):
        trial.run_epoch()


def test_predictions_that_are_not_finite_are_a_diverged_trial_too(small_trial):
    trial = small_trial()
    train_epoch = trial._train
    trial._train = lambda: (train_epoch(), torch.nn.init.constant_(trial.model[-1].bias, math.nan))[0]
    with pytest.raises(DivergedError, match="val_loss became nan in epoch 1"):
        trial.run_epoch()


def test_a_checkpoint_of_another_configuration_or_store_is_refused(small_trial):
    state = small_trial().state_dict()
    with pytest.raises(CheckpointError, match="its train/seed is 42, this trial's 1"):
        small_trial(train__seed=1).load_state_dict(state)
    with pytest.raises(CheckpointError, match="its store_hash is 'other'"):
        small_trial().load_state_dict({**state, "store_hash": "other"})


def test_a_trial_may_go_on_for_more_epochs_than_it_was_meant_to(small_trial):
    first, longer, reports = small_trial(train__epochs=1), small_trial(train__epochs=2), []
    train(first, reports.append)
    longer.load_state_dict(first.state_dict())
    train(longer, reports.append)
    assert [report["epoch"] for report in reports] == [1, 2]


def test_a_loaded_state_is_not_written_to(small_trial):
    first = small_trial()
    first.run_epoch()
    state = copy.deepcopy(first.state_dict())
    kept = copy.deepcopy(state)
    second = small_trial()
    second.load_state_dict(state)
    second.run_epoch()
    assert _equal(state, kept)


def test_a_store_without_labelled_val_photos_is_an_error(tmp_path, small_config):
    index = pd.DataFrame({"path": ["a", "b"], "person": ["a", "b"], "age": [20, 60]})
    index = index.assign(mask="none", gender="male", split="train")
    photos = np.random.default_rng(0).integers(0, 256, (2, 64, 48, 3), np.uint8)
    store = stores.write(tmp_path / "s", photos, index, StoreMeta(source_size=(512, 384)))
    with pytest.raises(ConfigError, match="no labelled photo in val"):
        Trial(small_config(), store, Workbench(CPU))


def test_a_first_step_that_overflows_leaves_no_trace_in_the_momentum(small_trial, monkeypatch):
    """Memory that torch.empty gives may hold anything, and a fused SGD must not take it for momentum."""
    real = torch.empty_like
    monkeypatch.setattr("torch.empty_like", lambda tensor, **how: real(tensor, **how).fill_(99))
    trial = small_trial(optimizer__name="sgd")
    plain = torch.optim.SGD(trial.model.parameters(), momentum=0.9, weight_decay=5e-4, fused=False)
    weights = [weight.detach().clone() for weight in trial.model.parameters()]
    gradients = [torch.randn_like(weight) for weight in weights]

    def stepped(optimizer):
        scaler = torch.GradScaler("cpu", init_scale=8.0)
        for weight, start in zip(trial.model.parameters(), weights, strict=True):
            weight.data.copy_(start)
        for factor in (math.inf, 1.0, 2.0):
            for group in optimizer.param_groups:
                group["lr"] = 0.01
            for weight, gradient in zip(trial.model.parameters(), gradients, strict=True):
                weight.grad = gradient * factor
            scaler.scale(torch.ones(1))
            scaler.step(optimizer)
            scaler.update()
        return [weight.detach().clone() for weight in trial.model.parameters()]

    expected, found = stepped(plain), stepped(trial._optimizer)
    assert all(torch.allclose(one, other, atol=1e-6) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_the_optimizer_makes_nothing_in_its_first_step(small_trial, optimizer):
    trial = small_trial(optimizer__name=optimizer)
    before = {id(value) for state in trial._optimizer.state.values() for value in state.values()}
    trial.run_epoch()
    after = {id(value) for state in trial._optimizer.state.values() for value in state.values()}
    assert before == after
    assert len(before) == (3 if optimizer == "adamw" else 1) * len(list(trial.model.parameters()))


@pytest.mark.parametrize("theirs", [True, False])
@pytest.mark.parametrize("ours", [True, False])
def test_a_trial_goes_on_where_only_one_of_two_devices_scales_its_loss(small_trial, theirs, ours):
    first, second = small_trial(), small_trial()
    first._scaler = torch.GradScaler("cpu", init_scale=4.0, enabled=theirs)
    second._scaler = torch.GradScaler("cpu", init_scale=2.0, enabled=ours)
    second.load_state_dict(first.state_dict())
    assert second._scaler.get_scale() == (4.0 if theirs and ours else 2.0 if ours else 1.0)
