import pytest
import torch
from torch import nn

from ensemble.voting import member, winograd
from ensemble.voting.winograd import Winograd, replace
from tests.ensemble.voting.used_network import used_network
from trainable.config import TrialConfig

CPU = torch.device("cpu")
NEAR = 1e-5
SIDES = range(1, 21)

pytestmark = pytest.mark.usefixtures("one_thread")


def _both(channels, out, bias, images):
    """What torch's convolution and ours make of the images, and ours."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(channels, out, 3, padding=1, bias=bias)
    ours = Winograd(convolution)
    with torch.inference_mode():
        return convolution(images), ours(images), ours


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("n", "channels", "out"), [(1, 17, 5), (33, 3, 7)])
def test_a_convolution_of_images_of_any_size_is_torchs(n, channels, out, bias):
    for height in SIDES:
        for width in {height, 21 - height, 7}:
            images = torch.randn(n, channels, height, width, generator=torch.Generator().manual_seed(height))
            expected, found, ours = _both(channels, out, bias, images)
            assert torch.allclose(found, expected, atol=NEAR), (height, width)
            if ours.tiles_of(images):
                assert len(ours._filters) == 1  # it was ours that answered
                assert found.is_contiguous(memory_format=torch.channels_last)


def test_both_sizes_of_tiles_are_used_and_tiny_images_or_few_of_them_are_left_to_torch():
    ours = Winograd(nn.Conv2d(4, 4, 3, padding=1))
    chosen = {side: ours.tiles_of(torch.empty(32, 4, side, side)) for side in (1, 2, 3, 5, 9, 17, 7, 14, 28, 56, 90)}
    assert chosen == {1: None, 2: None, 3: 3, 5: 3, 9: 3, 17: 3, 7: 4, 14: 4, 28: 4, 56: 4, 90: 4}
    assert ours.tiles_of(torch.empty(7, 4, 3, 3)) is None and ours.tiles_of(torch.empty(8, 4, 3, 3)) == 3
    assert ours.tiles_of(torch.empty(0, 4, 17, 17)) is None


@pytest.mark.parametrize(
    "lay",
    [
        lambda images: images.to(memory_format=torch.channels_last),
        lambda images: images[:, ::2, 1:, ::3],
        lambda images: images.transpose(2, 3),
        lambda images: images[:1].expand(9, -1, -1, -1),
    ],
)
def test_images_may_lie_in_memory_as_they_like(lay):
    images = lay(torch.randn(4, 8, 12, 27))
    expected, found, ours = _both(images.shape[1], 6, True, images)
    assert torch.allclose(found, expected, atol=NEAR) and ours._filters


def test_a_network_that_only_predicts_answers_as_the_plain_one(monkeypatch):
    monkeypatch.setattr(member, "amp_dtype", lambda device: torch.float32)
    plain = used_network("resnet18")
    config = TrialConfig.from_flat({"model/arch": "resnet18", "model/weights": "none"})
    ready = member.network(config, plain.state_dict(), 18, CPU)
    assert sum(isinstance(module, Winograd) for module in ready.modules()) == 13
    assert set(ready.state_dict()) < set(plain.state_dict()) | {f"{name}.bias" for name, _ in plain.named_modules()}
    images = torch.randn(8, 3, 68, 48, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        assert torch.allclose(ready(images).softmax(dim=1), plain(images).softmax(dim=1), atol=5e-5)


def test_where_a_cpu_computes_in_bfloat16_torchs_convolutions_stay(monkeypatch):
    monkeypatch.setattr(member, "amp_dtype", lambda device: torch.bfloat16)
    config = TrialConfig.from_flat({"model/arch": "resnet18", "model/weights": "none"})
    ready = member.network(config, used_network("resnet18").state_dict(), 18, CPU)
    assert not any(isinstance(module, Winograd) for module in ready.modules())


def test_other_convolutions_stay():
    others = [
        nn.Conv2d(4, 4, 3, padding=1, stride=2),
        nn.Conv2d(4, 4, 3, padding=1, groups=2),
        nn.Conv2d(4, 4, 3, padding=1, dilation=2),
        nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(4, 4, 3),
        nn.Conv2d(4, 4, (3, 1), padding=(1, 1)),
        nn.Conv2d(4, 4, 5, padding=1),
    ]
    network = nn.Sequential(*others, nn.Sequential(nn.Conv2d(4, 4, 3, padding=1)))
    replace(network)
    assert list(network)[:-1] == others
    assert isinstance(network[-1][0], Winograd)


def test_what_lies_in_memory_between_does_not_grow_with_the_images(monkeypatch):
    sizes, kernel = [], winograd.to_tiles

    def watched(*arguments):
        sizes.append(len(arguments[-1]))
        kernel(*arguments)

    monkeypatch.setattr(winograd, "to_tiles", watched)
    for n in (10, 100):
        expected, found, _ = _both(4, 4, True, torch.randn(n, 4, 17, 17))
        assert torch.allclose(found, expected, atol=NEAR)
    assert max(sizes) <= 25 * 4 * (winograd.AT_ONCE + 6) and len(sizes) > 20
