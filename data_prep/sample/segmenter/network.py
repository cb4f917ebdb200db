"""A small portrait segmenter: a U-Net of some 80,000 weights, fed and read as rembg's `u2net_custom` does.

Input: float32 [n, 3, 320, 320], the photo over its brightest value, normalised with ImageNet's mean and std. Output:
float32 [n, 1, 320, 320], 1 where the portrait is. Inside it works on 160x160.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WIDTHS = (12, 20, 28, 40)


def _block(n_in: int, n_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(inplace=True))


def _step(n_in: int, n_out: int) -> nn.Module:
    halve = _block(n_in, n_out, stride=2)
    return halve if n_in == 3 else nn.Sequential(halve, _block(n_out, n_out))


class Segmenter(nn.Module):
    """Logits at 160x160 in `coarse`; probabilities at 320x320 in `forward`."""

    def __init__(self) -> None:
        super().__init__()
        steps = zip((3, *WIDTHS), WIDTHS, strict=False)
        self.down = nn.ModuleList(_step(a, b) for a, b in steps)
        self.middle = nn.Sequential(_block(WIDTHS[-1], WIDTHS[-1]), _block(WIDTHS[-1], WIDTHS[-1]))
        pairs = zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        self.up = nn.ModuleList(_block(deep + skip, skip) for deep, skip in pairs)
        self.last = nn.Sequential(_block(WIDTHS[0] + 3, 4), nn.Conv2d(4, 1, 3, padding=1))

    def coarse(self, photos: Tensor) -> Tensor:
        """Normalised photos [n, 3, 160, 160] -> logits [n, 1, 160, 160]."""
        found = [photos]
        for step in self.down:
            found.append(step(found[-1]))
        x = self.middle(found.pop())
        for step in self.up:
            x = step(torch.cat([_twice(x), found.pop()], dim=1))
        return self.last(torch.cat([_twice(x), found.pop()], dim=1))

    def forward(self, photos: Tensor) -> Tensor:
        return _twice(torch.sigmoid(self.coarse(F.avg_pool2d(photos, 2))))


def _twice(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
