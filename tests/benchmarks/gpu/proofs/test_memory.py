from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    memory,
    shortage,
)
from tests.benchmarks.gpu.proofs.judging import judged
from trainable import predict
from trainable.network import step


@pytest.mark.usefixtures("single")
def test_a_step_goes_on_in_less_memory(setting: Setting) -> None:
    loss, gradient, own = memory.out_of_memory(setting)
    assert (loss.right, gradient.right, own.right) == (True, True, True)
    assert loss.values["micro_batches"] == own.values["micro_batches"] == 2


def test_a_step_that_differs_in_less_memory_is_found() -> None:
    def step(loss: float, parts: int, *gradient: float) -> Any:
        return SimpleNamespace(loss=loss, parts=parts, gradient=torch.tensor(gradient))

    whole = step(6.0, 1, 1.0, 2.0)
    assert memory._same_loss("", whole, step(6.05, 2)).right is True
    assert memory._same_loss("", whole, step(6.1, 2)).right is False
    assert memory._same_loss("", whole, step(torch.nan, 2)).right is False
    assert memory._same_loss("", whole, step(6.0, 1)).right is False  # memory was not short
    assert memory._same_gradient("", whole, step(6.0, 2, 1.0, 2.1)).right is True
    assert memory._same_gradient("", whole, step(6.0, 2, -1.0, 2.0)).right is False
    assert memory._same_gradient("", whole, step(6.0, 2, torch.inf, 2.0)).right is None
    assert memory._goes_on("", whole, step(torch.inf, 2)).right is False


@pytest.mark.usefixtures("single")
def test_a_loss_of_micro_batches_instead_of_the_batch_is_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_the_first_part(network: Any, images: Any, target: Any, *more: Any) -> torch.Tensor:
        return step.gradients(network, images[:2], target[:2], *more[:2])

    monkeypatch.setattr(step, "gradients_in_parts", of_the_first_part)
    whole, split = memory._whole_and_split(setting, {})
    assert memory._same_loss("", whole, split).right is False
    assert memory._same_gradient("", whole, split).right is False


def test_the_limit_on_memory_is_lifted_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    for name, value in (("mem_get_info", (500, 1000)), ("memory_allocated", 100), ("empty_cache", None)):
        monkeypatch.setattr(torch.cuda, name, lambda value=value: value)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", limits.append)
    with pytest.raises(ValueError), shortage.short_of_memory(torch.nn.Identity(), torch.device("cuda"), 60, 1):
        raise ValueError
    assert limits == [0.16, 1.0]


VALIDATION = "out of memory in validation, float32"


@pytest.mark.usefixtures("single")
def test_predictions_are_the_same_in_less_memory(setting: Setting) -> None:
    assert judged(memory.validation_out_of_memory(setting)) == {VALIDATION: True}


@pytest.mark.usefixtures("single")
def test_predictions_that_go_astray_in_less_memory_are_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    softmax = predict.softmax

    def astray(network: nn.Module, images: Tensor) -> Tensor:
        found = softmax(network, images)
        return found.roll(1, dims=0) if len(images) < 40 else found

    monkeypatch.setattr(predict, "softmax", astray)
    assert judged(memory.validation_out_of_memory(setting)) == {VALIDATION: False}


@pytest.mark.usefixtures("single")
def test_memory_that_was_not_short_proves_nothing(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "short_of_memory", lambda *arguments: nullcontext())
    assert judged(memory.validation_out_of_memory(setting)) == {VALIDATION: False}
