import pytest
import torch
from torch import nn

from ensemble.voting.folding import folded
from tests.ensemble.voting.used_network import used_network
from trainable.archs import ARCHS
from trainable.network.model import place

CPU = torch.device("cpu")


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("arch", ARCHS)
def test_a_folded_network_answers_as_before(arch):
    network = used_network(arch)
    images = torch.randn(2, 3, 48, 32, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = network(images).softmax(dim=1)
        ready = place(folded(network), CPU)
        assert torch.allclose(ready(images).softmax(dim=1), expected, atol=1e-4)
        assert torch.allclose(network(images).softmax(dim=1), expected)  # it is left as it was
    assert not any(isinstance(module, nn.BatchNorm2d) for module in ready.modules())
