import math

import pytest
import torch
import torch.nn.functional as F

from trainable.config import Loss
from trainable.recipe.losses import combined, focal, smoothed_cross_entropy, soft_f1

# Softmax of log p is p itself, so that the arithmetic below can start from round probabilities.
LOGITS = torch.log(torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.7, 0.1]]))
TARGET = torch.tensor([0, 1])
MIXED = torch.tensor([[0.75, 0.25, 0.0], [0.0, 1.0, 0.0]])
"""The first photo is a quarter of another one of class 1."""


def test_focal_loss_is_the_sum_worked_by_hand():
    # -(1-.5)^2 ln .5 = .25 * .693147 = .173287; -(1-.7)^2 ln .7 = .09 * .356675 = .032101; mean .102694
    assert focal(LOGITS, TARGET, gamma=2.0).item() == pytest.approx(0.102694, abs=1e-6)


def test_focal_loss_without_gamma_is_cross_entropy():
    # (.693147 + .356675) / 2
    assert focal(LOGITS, TARGET, gamma=0.0).item() == pytest.approx(0.524911, abs=1e-6)


def test_smoothing_puts_an_equal_share_on_each_wrong_class_only():
    # K = 3, s = .1: .9 on the right class, .05 on each wrong one.
    # photo 1: .9*.693147 + .05*(1.386294 + 1.386294) = .762462
    # photo 2: .9*.356675 + .05*(1.609438 + 2.302585) = .516609; mean .639535
    assert smoothed_cross_entropy(LOGITS, TARGET, 0.1).item() == pytest.approx(0.639535, abs=1e-6)


def test_smoothing_of_torch_is_ours_with_a_smaller_share():
    # torch puts s/K on the right class too: its s spreads only s (K-1)/K = .15 * 2/3 = .1 on the wrong ones.
    torchs = F.cross_entropy(LOGITS, TARGET, label_smoothing=0.15)
    assert torchs.item() == pytest.approx(smoothed_cross_entropy(LOGITS, TARGET, 0.1).item(), abs=1e-6)


def test_soft_f1_averages_over_the_classes_present_in_the_batch():
    # class 0: tp .5, predicted .5+.2 = .7, actual 1: 2*.5/1.7 = .588235
    # class 1: tp .7, predicted .25+.7 = .95, actual 1: 2*.7/1.95 = .717949
    # class 2 is absent: 1 - (.588235 + .717949)/2 = .346908, not 1 - (.588235 + .717949)/3 = .564605
    assert soft_f1(LOGITS, TARGET).item() == pytest.approx(0.346908, abs=1e-6)


def test_soft_f1_is_two_pr_over_p_plus_r():
    logits = torch.log(torch.tensor([[0.5, 0.5], [0.2, 0.8]]))
    # both photos are of class 0: tp .5+.2 = .7, P = .7/.7 = 1, R = .7/2 = .35: 2*1*.35/1.35 = .518519
    assert soft_f1(logits, torch.tensor([0, 0])).item() == pytest.approx(1 - 0.518519, abs=1e-6)


def test_the_total_is_the_weighted_sum_of_the_parts():
    parts = combined(LOGITS, TARGET, Loss(focal_weight=1, smoothing_weight=2, f1_weight=0.5, smoothing=0.1))
    # .102694 + 2*.639535 + .5*.346908 = 1.555218
    assert parts.total.item() == pytest.approx(1.555218, abs=2e-6)
    assert [round(part.item(), 5) for part in parts[1:]] == [0.10269, 0.63954, 0.34691]


def test_a_part_without_weight_is_measured_but_gives_no_gradient():
    logits = LOGITS.clone().requires_grad_()
    combined(logits, TARGET, Loss(focal_weight=0, smoothing_weight=0, f1_weight=1)).total.backward()
    alone = LOGITS.clone().requires_grad_()
    soft_f1(alone, TARGET).backward()
    assert torch.equal(logits.grad, alone.grad)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_loss_and_gradient_stay_finite_on_certain_logits(gamma):
    logits = torch.tensor([[200.0, -200.0, 0.0], [200.0, -200.0, 0.0]], requires_grad=True)
    parts = combined(logits, torch.tensor([0, 1]), Loss(focal_gamma=gamma))
    parts.total.backward()
    assert all(math.isfinite(part.item()) for part in parts)
    assert torch.isfinite(logits.grad).all()


def test_half_precision_logits_are_computed_in_float32():
    parts = combined(LOGITS.half(), TARGET, Loss())
    assert parts.total.dtype == torch.float32


def test_focal_loss_of_a_distribution_weighs_each_class_by_its_share():
    # photo 1: .75*.25*.693147 + .25*.75^2*1.386294 = .324913; photo 2 as above .032101; mean .178507
    assert focal(LOGITS, MIXED, gamma=2.0).item() == pytest.approx(0.178507, abs=1e-6)


def test_smoothing_of_a_distribution_takes_from_its_shares_and_gives_to_the_rest():
    # photo 1: .9*.75 + .05*.25 = .6875, .9*.25 + .05*.75 = .2625 and .05:
    # .6875*.693147 + .2625*1.386294 + .05*1.386294 = .909756; photo 2 as above .516609; mean .713182
    assert smoothed_cross_entropy(LOGITS, MIXED, 0.1).item() == pytest.approx(0.713182, abs=1e-6)


def test_soft_f1_counts_a_photo_of_a_distribution_as_shares_of_its_classes():
    # class 0: tp .75*.5 = .375, predicted .7, actual .75: .75/1.45 = .517241
    # class 1: tp .25*.25 + .7 = .7625, predicted .95, actual 1.25: 1.525/2.2 = .693182; class 2 is absent
    assert soft_f1(LOGITS, MIXED).item() == pytest.approx(0.394789, abs=1e-6)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_a_distribution_all_on_one_class_is_that_class(gamma):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(16, 18, generator=generator).mul_(5).requires_grad_()
    target = torch.randint(18, (16,), generator=generator)
    config = Loss(focal_gamma=gamma, smoothing=0.1)
    of_class, of_distribution = (
        combined(logits, as_target, config) for as_target in (target, F.one_hot(target, 18).float())
    )
    torch.testing.assert_close(of_distribution, of_class)
    gradients = [torch.autograd.grad(parts.total, logits)[0] for parts in (of_distribution, of_class)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_loss_and_gradient_of_a_distribution_stay_finite_on_certain_logits(gamma):
    logits = torch.tensor([[200.0, -200.0, 0.0], [200.0, -200.0, 0.0]], requires_grad=True)
    parts = combined(logits, MIXED, Loss(focal_gamma=gamma))
    parts.total.backward()
    assert all(math.isfinite(part.item()) for part in parts)
    assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("target", [TARGET, MIXED], ids=["classes", "distribution"])
def test_no_value_is_asked_of_the_device(target):
    # The meta device has no values to ask for: reading one, or branching on it, raises there.
    parts = combined(LOGITS.to("meta"), target.to("meta"), Loss())
    assert all(part.device.type == "meta" and part.shape == () for part in parts)
