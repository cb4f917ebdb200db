import pytest
import torch
from torch import nn

from ensemble.voting.folding import folded
from trainable.archs import ARCHS
from trainable.config import Model
from trainable.device import seeded
from trainable.network.model import build, place

CPU = torch.device("cpu")


def _used(arch):
    """A network whose batch norms have seen photos: their numbers are not the first ones."""
    network = build(Model(arch, "none")).eval()
    with seeded(0, CPU):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.7, 1.4)
                nn.init.uniform_(module.weight, 0.7, 1.4)
                nn.init.uniform_(module.bias, -0.2, 0.2)
    return network


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("arch", ARCHS)
def test_a_folded_network_answers_as_before(arch):
    network = _used(arch)
    images = torch.randn(2, 3, 48, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = network(images).softmax(dim=1)
        ready = place(folded(network), CPU)
        assert torch.allclose(ready(images).softmax(dim=1), expected, atol=1e-4)
        assert torch.allclose(network(images).softmax(dim=1), expected)  # it is left as it was
    assert not any(isinstance(module, nn.BatchNorm2d) for module in ready.modules())
