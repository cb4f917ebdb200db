"""What a trial can do beside the reference recipe, each off by default, and what it does when memory is short."""

import pytest
import torch
from torch import nn

from trainable import best
from trainable.epoch import Epoch
from trainable.loop import Trial, train
from trainable.photos import augment
from trainable.workbench import Workbench

CPU = torch.device("cpu")


SHORT = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
SHORT_IN_CUDNN = RuntimeError("GET was unable to find an engine to execute this computation")


class Small(nn.Sequential):
    """A network of a moment, with dropout, that has no memory for more than `most` photos at a time."""

    short = SHORT

    def __init__(self, most=10**6):
        torch.manual_seed(0)
        super().__init__(
            nn.Conv2d(3, 8, 3, stride=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Dropout(0.2),
            nn.Linear(32, 18),
        )
        self.most = most

    def forward(self, images):
        logits = super().forward(images)  # memory runs short late, when batch normalization has counted the photos
        if len(images) > self.most:
            raise self.short
        return logits


@pytest.fixture
def small(small_config, small_store):
    """A trial of the small network, and what it said."""

    def make(most=10**6, **changes):
        said = []
        trial = Trial(small_config(**changes), small_store, Workbench(CPU, say=said.append), Small(most))
        return trial, said

    return make


def test_out_of_memory_splits_the_batch_and_the_trial_goes_on(small):
    trial, said = small(most=20)  # batches of 64: 32 is too much still, 16 fits
    found = trial.run_epoch()
    assert found["micro_batches"] == trial.micro_batches == 4
    assert found["train_photos"] == 252
    start = "out of memory on cpu: from epoch 1 on a batch of 64 is trained in"
    assert said == [f"{start} {n} micro-batches, the effective batch stays" for n in (2, 4)]
    assert trial.run_epoch()["micro_batches"] == 4
    assert len(said) == 2


def test_a_split_batch_trains_as_the_whole_one_does(small):
    (whole, _), (split, _) = small(train__epochs=2), small(most=20)
    for _ in range(2):
        expected, found = whole.run_epoch(), split.run_epoch()
    # 16-bit rounding and other dropout; a loss per micro-batch would be off by several percent.
    assert found["train_loss"] == pytest.approx(expected["train_loss"], rel=0.02)


def test_a_split_trial_resumes_to_the_bit_and_does_not_run_out_again(small, tmp_path):
    (whole, _), (first, _), (second, said) = small(most=20), small(most=20, train__epochs=1), small(most=20)
    undisturbed, resumed = [], []
    train(whole, undisturbed.append)
    train(first, resumed.append, tmp_path)
    train(second, resumed.append, tmp_path)
    assert [each["train_loss"] for each in resumed] == [each["train_loss"] for each in undisturbed]
    assert said == []


@pytest.mark.parametrize("error", [SHORT, SHORT_IN_CUDNN])
def test_what_ran_out_of_memory_leaves_no_trace(small, monkeypatch, error):
    monkeypatch.setattr(Small, "short", error)
    (failed, _), (split, _) = small(most=20), small(most=20)
    split.micro_batches = 4
    assert failed.run_epoch()["train_loss"] == split.run_epoch()["train_loss"]
    ours, theirs = failed.model.state_dict(), split.model.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_memory_that_runs_short_while_photos_are_augmented_splits_the_batch_too(small, monkeypatch):
    trial, said = small()
    apply, calls = augment.apply, []

    def short_once(*given):
        calls.append(given)
        if len(calls) == 1:
            raise SHORT
        return apply(*given)

    monkeypatch.setattr("trainable.photos.augment.apply", short_once)
    assert trial.run_epoch()["micro_batches"] == 2
    assert len(said) == 1


def test_another_error_is_no_reason_to_split(small, monkeypatch):
    monkeypatch.setattr(Small, "short", RuntimeError("CUDA error: an illegal memory access was encountered"))
    trial, said = small(most=20)
    with pytest.raises(RuntimeError, match="illegal"):
        trial.run_epoch()
    assert (trial.micro_batches, said) == (1, [])


def test_memory_that_is_short_for_two_photos_is_an_error(small):
    with pytest.raises(torch.OutOfMemoryError):
        small(most=1)[0].run_epoch()


def test_validation_takes_fewer_photos_at_a_time_where_memory_is_short(small):
    trial, _ = small(most=70)
    found = trial.run_epoch()
    assert found["micro_batches"] == 1
    assert trial.best.predictions.shape == (84, 18)


def test_dropout_is_a_function_of_seed_and_epoch_and_resumes_to_the_bit(small, tmp_path):
    (whole, _), (first, _), (second, _) = small(), small(train__epochs=2), small()
    undisturbed, resumed = [], []
    train(whole, undisturbed.append)
    train(first, resumed.append, tmp_path)
    torch.rand(5)
    train(second, resumed.append, tmp_path)
    assert [each["train_loss"] for each in resumed] == [each["train_loss"] for each in undisturbed]


def test_the_average_of_the_weights_is_what_is_validated_and_kept(small):
    plain, averaged = small()[0], small(train__ema=0.99)[0]
    ours, theirs = averaged.run_epoch(), plain.run_epoch()
    assert ours["train_loss"] == theirs["train_loss"]  # the average does not train
    assert ours["val_loss"] != theirs["val_loss"]
    kept, now = averaged.best.weights, averaged.model.state_dict()
    assert not torch.equal(kept["6.weight"], now["6.weight"])
    assert all(torch.equal(now[name], plain.model.state_dict()[name]) for name in now)


def test_the_average_resumes_to_the_bit(small, tmp_path):
    undisturbed, resumed = [], []
    train(small(train__ema=0.9)[0], undisturbed.append)
    train(small(train__ema=0.9, train__epochs=2)[0], resumed.append, tmp_path)
    train(small(train__ema=0.9)[0], resumed.append, tmp_path)
    assert [each["val_loss"] for each in resumed] == [each["val_loss"] for each in undisturbed]


def test_the_exported_weights_are_those_that_made_the_predictions(small, tmp_path):
    trial, _ = small(train__ema=0.9, train__epochs=1)
    train(trial, lambda found: None, tmp_path)
    _, weights, _ = best.load_best(tmp_path / "best.safetensors")
    assert all(torch.equal(weights[name], trial.best.weights[name]) for name in weights)


@pytest.mark.parametrize("option", ["augment__cutmix", "augment__halves", "augment__erasing", "train__balance"])
def test_an_option_changes_training_and_is_a_function_of_the_seed(small, option):
    plain = small()[0].run_epoch()
    first, again = (small(**{option: 1.0})[0].run_epoch() for _ in range(2))
    assert first["train_loss"] == again["train_loss"] != plain["train_loss"]
    assert first["train_photos"] == plain["train_photos"]


def test_a_balanced_epoch_shows_rare_classes_as_often_as_frequent_ones(small):
    trial, _ = small(train__balance=1.0)
    order = torch.from_numpy(trial._classes[Epoch.drawn(trial.config, trial._classes, 0).order])
    drawn, real = order.bincount(minlength=18), torch.from_numpy(trial._classes).bincount(minlength=18)
    assert real.max() / real.min() >= 4
    assert drawn.max() / drawn.min().clamp_min(1) < real.max() / real.min()


@pytest.mark.parametrize("resize", [0.5, 2.0])
def test_the_network_trains_and_is_judged_on_resized_crops(small, resize):
    trial, _ = small(crop__resize=resize)
    seen = set()
    trial.model.register_forward_pre_hook(lambda module, inputs: seen.add(tuple(inputs[0].shape[2:])))
    trial.run_epoch()
    side = round(23 * resize + 1e-9)
    assert seen == {(side, side)} == {trial.preprocessing.size}
