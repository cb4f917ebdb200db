from __future__ import annotations

from typing import Any

import pytest
import torch

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    precision,
    trials,
)
from benchmarks.gpu.proofs.trials import computing_in
from tests.benchmarks.gpu.proofs.judging import changed
from trainable.photos import augment


@pytest.mark.usefixtures("single")
def test_a_trial_that_learns_is_told_from_one_that_does_not(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    assert precision._learns(setting, "float32").right is True
    monkeypatch.setattr(trials, "SGD", dict.fromkeys(("schedule/max_lr", "schedule/min_lr"), 1e-9))
    assert precision._learns(setting, "float32").right is False


@pytest.mark.usefixtures("single")
def test_a_loss_that_is_not_finite_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "apply", changed(augment.apply, lambda image: image * torch.nan))
    found = precision._learns(setting, "float32")
    assert found.right is False
    assert "became nan" in found.said


OVERFLOWS = "a first step that overflows"


def test_a_step_that_overflows_leaves_no_trace(setting: Setting) -> None:
    with computing_in(torch.float16):
        found = precision._overflows(setting)
    assert (found.name, found.right) == (OVERFLOWS, True), found.said
    assert found.values["skipped"] > 0


def test_momentum_that_begins_with_what_lies_in_memory_is_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torchs_own(config: Any, network: torch.nn.Module) -> torch.optim.Optimizer:
        return torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4, fused=True)

    monkeypatch.setattr("trainable.recipe.optimizer.build", torchs_own)
    with computing_in(torch.float16):
        assert precision._overflows(setting).right is False


def test_a_scaler_that_skips_nothing_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.GradScaler, "step", lambda self, optimizer: optimizer.step())
    monkeypatch.setattr(torch.GradScaler, "update", lambda self: None)
    with computing_in(torch.float16):
        assert precision._overflows(setting).right is False


def test_steps_that_a_scaler_skipped_are_counted() -> None:
    steps = trials.Steps(scales=[torch.tensor(scale) for scale in (8.0, 4.0, 4.0, 8.0, 4.0)])
    assert steps.skipped(first_scale=16.0) == 3
