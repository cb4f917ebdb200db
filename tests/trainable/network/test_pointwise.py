import pytest
import torch
from torch import nn

from trainable.config import Model
from trainable.network.model import build, place
from trainable.network.pointwise import Pointwise, replace


@pytest.mark.parametrize(("stride", "bias"), [(1, False), (2, True), ((1, 2), False)])
def test_a_pointwise_convolution_and_its_gradients_are_torchs(stride, bias):
    torch.manual_seed(0)
    convolution = nn.Conv2d(6, 4, 1, stride=stride, bias=bias)
    images = torch.randn(3, 6, 7, 5).to(memory_format=torch.channels_last).requires_grad_()
    ours = Pointwise(convolution)(images)
    expected = convolution(images)
    assert torch.allclose(ours, expected, atol=1e-6)
    assert ours.is_contiguous(memory_format=torch.channels_last)
    for one, other in zip(
        torch.autograd.grad(ours.square().sum(), [images, *convolution.parameters()]),
        torch.autograd.grad(expected.square().sum(), [images, *convolution.parameters()]),
        strict=True,
    ):
        assert torch.allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_gradient_by_channels_last_images_is_channels_last(stride):
    images = torch.randn(3, 6, 8, 8).to(memory_format=torch.channels_last).requires_grad_()
    (gradient,) = torch.autograd.grad(Pointwise(nn.Conv2d(6, 4, 1, stride=stride))(images).square().sum(), [images])
    assert gradient.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("arch", ["resnet50", "resnext50_32x4d"])
def test_a_placed_network_has_the_same_weights_and_outputs(arch):
    plain, placed = (build(Model(arch, "none"), seed=1).eval() for _ in range(2))
    place(placed, torch.device("cpu"))
    assert any(isinstance(module, Pointwise) for module in placed.modules())
    assert plain.state_dict().keys() == placed.state_dict().keys()
    images = torch.randn(2, 3, 48, 48)
    with torch.inference_mode():
        assert torch.allclose(placed(images), plain(images), rtol=1e-3, atol=1e-3)
    plain.load_state_dict(placed.state_dict())


def test_grouped_padded_and_larger_convolutions_stay():
    network = nn.Sequential(nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 4, 1, padding=1), nn.Conv2d(4, 4, 3))
    replace(network)
    assert all(type(layer) is nn.Conv2d for layer in network)
