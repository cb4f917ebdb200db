from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    checkpoints,
)
from ensemble.voting.member import Member
from tests.benchmarks.gpu.proofs.judging import changed, judged
from trainable import loop
from trainable.loop import Trial

CPU = torch.device("cpu")


TWICE, RESUMED = "the same trial twice", "a trial that goes on from its checkpoint"


OTHERS = "the process's random numbers"


@pytest.fixture
def one_precision(monkeypatch: pytest.MonkeyPatch, single: None) -> None:
    monkeypatch.setattr(checkpoints, "_across_precisions", lambda setting: iter(()))


@pytest.mark.usefixtures("one_precision")
def test_a_resumed_trial_is_the_undisturbed_one(setting: Setting) -> None:
    assert judged(checkpoints.resume(setting)) == {TWICE: True, RESUMED: True, OTHERS: True}
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.usefixtures("single")
def test_momentum_that_is_lost_with_the_checkpoint_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Trial.load_state_dict

    def forgetful(self: Trial, state: dict[str, Any]) -> None:
        load(self, {**state, "optimizer": self._optimizer.state_dict()})

    monkeypatch.setattr(Trial, "load_state_dict", forgetful)
    assert checkpoints._equal("", checkpoints._run(setting, 2), checkpoints._run_in_halves(setting)).right is False


@pytest.mark.usefixtures("single")
def test_dropout_of_the_processs_random_numbers_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "seeded", lambda seed, device: nullcontext())
    assert checkpoints._random_numbers(setting).right is False
    assert checkpoints._equal("", checkpoints._run(setting, 1), checkpoints._run(setting, 1)).right is False


ACROSS = {"a checkpoint of float16 in bfloat16", "a checkpoint of bfloat16 in float16"}


def test_a_checkpoint_goes_on_in_another_precision(setting: Setting) -> None:
    assert judged(checkpoints._across_precisions(setting)) == dict.fromkeys(ACROSS, True)


def test_a_checkpoint_that_cannot_be_loaded_in_another_precision_is_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def strict(self: Trial, state: dict[str, Any]) -> None:
        self._scaler.load_state_dict(state["scaler"])

    monkeypatch.setattr(Trial, "load_state_dict", strict)
    monkeypatch.setattr(Trial, "run_epoch", lambda self: {"epoch": 2, "train_loss": 1.0})
    found = judged(checkpoints._across_precisions(setting))
    assert found == {"a checkpoint of float16 in bfloat16": True, "a checkpoint of bfloat16 in float16": False}


EXPORTED = "predictions of exported weights"


MEMBER = "an ensemble's member on the device and on the CPU"


@pytest.mark.usefixtures("single")
def test_a_member_answers_as_its_trial_did(setting: Setting) -> None:
    assert judged(checkpoints.ensemble_member(setting)) == {EXPORTED: True, MEMBER: True}


@pytest.mark.usefixtures("single")
def test_a_member_with_other_weights_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def off(member: Member) -> Member:
        if member.device is not CPU:
            for parameter in member.models[0].parameters():
                parameter.data *= 1.2
        return member

    monkeypatch.setattr(checkpoints, "CPU", CPU)  # to tell it from the trial's, which is a CPU as well
    monkeypatch.setattr(Member, "load", staticmethod(changed(Member.load, off)))
    assert judged(checkpoints.ensemble_member(setting))[EXPORTED] is False


def test_a_member_that_answers_otherwise_on_the_device_is_found() -> None:
    def judge(found: list[tuple[float, float]], expected: list[tuple[float, float]]) -> bool | None:
        return checkpoints._as_on_the_cpu(np.array(found), np.array(expected)).right

    def right(*found: tuple[float, float]) -> bool | None:
        return judge([*found], [(0.9, 0.1), (0.504, 0.496)])

    assert right((0.9, 0.1), (0.5, 0.5)) is True
    assert right((0.9, 0.1), (0.49, 0.51)) is True  # tied
    assert right((0.8, 0.2), (0.5, 0.5)) is False
    assert right((0.9, 0.1), (torch.nan, 0.5)) is False
    assert judge([(0.48, 0.52)], [(0.52, 0.48)]) is False
