import pytest
import torch

from trainable.archs import ARCHS
from trainable.config import Model
from trainable.network.model import build, place


@pytest.mark.parametrize("arch", ARCHS)
def test_every_arch_has_an_output_a_class_and_trains(arch):
    network = place(build(Model(arch, "none")), torch.device("cpu"))
    assert network.get_submodule(ARCHS[arch].head).out_features == 18
    images = torch.randn(2, 3, 64, 64)
    network.train()(images).sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("arch", ARCHS)
def test_the_weights_of_every_arch_take_what_the_table_says(arch):
    weights = build(Model(arch, "none")).state_dict().values()
    gigabytes = sum(value.numel() * value.element_size() for value in weights) / 1e9
    assert ARCHS[arch].gigabytes == pytest.approx(gigabytes, rel=0.03)
