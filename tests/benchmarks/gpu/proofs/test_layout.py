from __future__ import annotations

import pytest
import torch

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    layout,
)
from tests.benchmarks.gpu.proofs.judging import changed, judged
from trainable.photos import augment
from trainable.workbench import Workbench

INPUTS, OUTPUTS, GRADIENTS = "layout of inputs", "layout of outputs", "layout of gradients"


@pytest.mark.usefixtures("single")
def test_everything_between_layers_is_channels_last(setting: Setting) -> None:
    assert judged(layout.channels_last(setting)) == {INPUTS: True, OUTPUTS: True, GRADIENTS: None}


@pytest.mark.usefixtures("single")
def test_photos_in_another_layout_are_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "apply", changed(augment.apply, torch.Tensor.contiguous))
    assert judged(layout.channels_last(setting))[INPUTS] is False


@pytest.mark.usefixtures("single")
def test_a_layer_in_another_layout_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    def relaid(network: torch.nn.Module) -> torch.nn.Module:
        network.get_submodule("5").register_forward_hook(lambda module, inputs, output: output.contiguous())
        return network

    monkeypatch.setattr(Workbench, "network", changed(Workbench.network, relaid))
    found = list(layout.channels_last(setting))
    assert judged(iter(found))[OUTPUTS] is False
    assert "not 5 (8, 32, " in found[1].said


def test_gradients_of_a_gpu_may_lie_otherwise_only_now_and_then() -> None:
    gpu = torch.device("cuda")
    assert layout._finding("gradients", 100, ["fc"] * 5, gpu).right is True
    assert layout._finding("gradients", 100, ["fc"] * 6, gpu).right is False
