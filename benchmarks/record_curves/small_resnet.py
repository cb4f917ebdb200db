"""A residual network small enough that a CPU core trains hundreds of them in an hour: ResNet-10, a quarter as wide."""

from __future__ import annotations

import torch
from torch import nn
from torchvision.models.resnet import BasicBlock

WIDTHS = (16, 32, 64, 128)


def small_resnet(n_classes: int, seed: int) -> nn.Module:
    """One basic block a stage (He et al. 2016), 0.3 million weights, initialized as torchvision's ResNets are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        stem = [nn.Conv2d(3, WIDTHS[0], 7, stride=2, padding=3, bias=False), nn.BatchNorm2d(WIDTHS[0]), nn.ReLU()]
        network = nn.Sequential(
            *stem,
            nn.MaxPool2d(3, stride=2, padding=1),
            *(_stage(before, width) for before, width in zip((WIDTHS[0], *WIDTHS), WIDTHS, strict=False)),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(WIDTHS[-1], n_classes),
        )
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return network


def _stage(before: int, width: int) -> nn.Module:
    if before == width:
        return BasicBlock(width, width)
    shortcut = nn.Sequential(nn.Conv2d(before, width, 1, stride=2, bias=False), nn.BatchNorm2d(width))
    return BasicBlock(before, width, stride=2, downsample=shortcut)
