from contextlib import nullcontext

import pytest
import torch
from torch import nn

from trainable.config import Loss
from trainable.network import step
from trainable.network.step import _count, gradients, gradients_in_parts

NO_SCALER = torch.GradScaler("cpu", enabled=False)


@pytest.fixture(autouse=True)
def _float32(monkeypatch):
    """16-bit rounding would hide what is compared here."""
    monkeypatch.setattr(step, "autocast", lambda device: nullcontext())


def _network(*layers):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), *layers, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 18)
    )


def _batch(n):
    source = torch.Generator().manual_seed(1)
    return torch.randn(n, 3, 8, 8, generator=source), torch.randint(18, (n,), generator=source)


def _grads(network):
    return [parameter.grad.clone() for parameter in network.parameters()]


def _close(one, other, atol=1e-6):
    return all(torch.allclose(a, b, atol=atol) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("n", [12, 13])
def test_micro_batches_have_the_whole_batchs_loss_and_gradient_soft_f1_included(n):
    images, target = _batch(n)
    whole, parts = _network(), _network()
    expected = gradients(whole, images, target, Loss(), NO_SCALER)
    found = gradients_in_parts(parts, images, target, Loss(), NO_SCALER, photos=4)
    assert torch.allclose(found, expected, atol=1e-6)
    assert _close(_grads(parts), _grads(whole))


def test_a_sum_of_the_parts_own_losses_would_be_another_gradient():
    images, target = _batch(12)
    whole, naive = _network(), _network()
    gradients(whole, images, target, Loss(), NO_SCALER)
    for part, classes in zip(images.split(4), target.split(4), strict=True):
        (step.losses.combined(naive(part), classes, Loss()).total / 3).backward()
    assert not _close(_grads(naive), _grads(whole), atol=1e-3)


def test_labels_of_mixed_photos_are_split_with_the_photos():
    images, classes = _batch(12)
    target = nn.functional.one_hot(classes, 18).float() * 0.7 + 0.3 / 18
    whole, parts = _network(), _network()
    gradients(whole, images, target, Loss(), NO_SCALER)
    gradients_in_parts(parts, images, target, Loss(), NO_SCALER, photos=4)
    assert _close(_grads(parts), _grads(whole))


def test_dropout_is_the_same_in_both_passes():
    images, target = _batch(12)
    once, twice = _network(nn.Dropout(0.5)), _network(nn.Dropout(0.5))
    torch.manual_seed(7)
    gradients(once, images, target, Loss(), NO_SCALER)
    torch.manual_seed(7)
    gradients_in_parts(twice, images, target, Loss(), NO_SCALER, photos=12)
    assert _close(_grads(once), _grads(twice))


def test_batch_normalization_counts_every_photo_once():
    images, target = _batch(12)
    network, expected = _network(nn.BatchNorm2d(8)), _network(nn.BatchNorm2d(8))
    gradients_in_parts(network, images, target, Loss(), NO_SCALER, photos=4)
    expected[1].momentum = 1 - 0.9 ** (1 / 3)
    for part in images.split(4):
        expected(part)
    assert network[1].num_batches_tracked == 3
    assert torch.equal(network[1].running_var, expected[1].running_var)
    assert network[1].track_running_stats


@pytest.mark.parametrize(
    ("n", "photos", "count"), [(64, 64, 1), (64, 32, 2), (65, 32, 3), (5, 2, 2), (3, 2, 1), (2, 2, 1), (7, 64, 1)]
)
def test_no_micro_batch_is_a_single_photo(n, photos, count):
    assert _count(n, photos) == count
    assert min(len(part) for part in torch.arange(n).tensor_split(count)) >= 2


def test_running_statistics_move_in_micro_batches_as_far_as_in_one_step():
    images, target = _batch(4)
    images, target = images.repeat(3, 1, 1, 1), target.repeat(3)  # every micro-batch has the whole batch's mean
    whole, parts = _network(nn.BatchNorm2d(8)), _network(nn.BatchNorm2d(8))
    gradients(whole, images, target, Loss(), NO_SCALER)
    gradients_in_parts(parts, images, target, Loss(), NO_SCALER, photos=4)
    assert torch.allclose(parts[1].running_mean, whole[1].running_mean, atol=1e-7)
    assert parts[1].momentum == 0.1


def test_what_a_failed_attempt_changed_is_put_back():
    network, device = _network(nn.BatchNorm2d(8), nn.Dropout(0.5)), torch.device("cpu")
    undo = step.Undo(network, device)
    images, _ = _batch(6)
    undo.remember()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    first = network(images)
    assert not torch.equal(before["1.running_mean"], network[1].running_mean)
    undo.restore()
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert torch.equal(network(images), first)  # the same dropout
