"""A segmenter of u2net's size with random weights: as slow as the real one, whose file cannot always be had.

The network is U^2-Net of Qin et al. 2020 (arXiv 2005.09007, table in figure 5): 44 million weights, 176 MB, nested
U-shaped blocks ("RSU") of 7, 6, 5, 4 and 4 dilated levels. Its masks mean nothing.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE = 320


class Layer(nn.Module):
    """3x3 convolution, batch normalization, ReLU."""

    def __init__(self, before: int, after: int, dilation: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(before, after, 3, padding=dilation, dilation=dilation), nn.BatchNorm2d(after), nn.ReLU()
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layers(x)
        return out


class Block(nn.Module):
    """RSU-`levels`: a small U-Net with a residual. `flat`: dilated convolutions instead of pooling (RSU-4F)."""

    def __init__(self, levels: int, before: int, inside: int, after: int, flat: bool = False) -> None:
        super().__init__()
        self.flat = flat
        dilations = [2**i if flat else 1 for i in range(levels - 1)]
        self.enter = Layer(before, after)
        self.down = nn.ModuleList(Layer(inside if i else after, inside, d) for i, d in enumerate(dilations))
        self.bottom = Layer(inside, inside, 2 ** (levels - 1) if flat else 2)
        outs = [inside] * (levels - 2) + [after]
        self.up = nn.ModuleList(Layer(2 * inside, out, d) for out, d in zip(outs, dilations[::-1], strict=True))

    def forward(self, x: Tensor) -> Tensor:
        entered = x = self.enter(x)
        passed = []
        for i, layer in enumerate(self.down):
            x = layer(pooled(x) if i and not self.flat else x)
            passed.append(x)
        x = self.bottom(x)
        for layer in self.up:
            before = passed.pop()
            x = layer(torch.cat((enlarged(x, before), before), dim=1))
        return x + entered


class U2Net(nn.Module):
    """Photos float32 [n, 3, 320, 320] -> masks float32 [n, 1, 320, 320], 0..1."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(
            [
                Block(7, 3, 32, 64),
                Block(6, 64, 32, 128),
                Block(5, 128, 64, 256),
                Block(4, 256, 128, 512),
                Block(4, 512, 256, 512, flat=True),
                Block(4, 512, 256, 512, flat=True),
            ]
        )
        self.up = nn.ModuleList(
            [
                Block(4, 1024, 256, 512, flat=True),
                Block(4, 1024, 128, 256),
                Block(5, 512, 64, 128),
                Block(6, 256, 32, 64),
                Block(7, 128, 16, 64),
            ]
        )
        self.side = nn.ModuleList(nn.Conv2d(n, 1, 3, padding=1) for n in (512, 512, 256, 128, 64, 64))
        self.out = nn.Conv2d(6, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        passed = []
        for i, block in enumerate(self.down):
            x = block(pooled(x) if i else x)
            passed.append(x)
        found = [passed.pop()]
        for block in self.up:
            before = passed.pop()
            found.append(block(torch.cat((enlarged(found[-1], before), before), dim=1)))
        sides = [enlarged(side(x), found[-1]) for side, x in zip(self.side, found, strict=True)]
        return torch.sigmoid(self.out(torch.cat(sides, dim=1)))


def pooled(x: Tensor) -> Tensor:
    return functional.max_pool2d(x, 2, stride=2, ceil_mode=True)


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[2:], mode="bilinear")


def write(file: Path) -> Path:
    """Write the network as ONNX, the same bytes each time."""
    torch.manual_seed(0)
    network = U2Net().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.zeros(1, 3, SIDE, SIDE),), str(file), opset_version=17, dynamo=False)
    return file
