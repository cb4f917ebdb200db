"""3x3 convolutions by Winograd's minimal filtering, on CPUs: a third of the multiplications.

A tile of m x m outputs needs (m + 2)^2 products a pair of channels in place of 9 m^2, of the tile and the filter
transformed (Lavin & Gray 2016, arXiv:1509.09308). What transforms them is Toom and Cook's: both are taken for
polynomials, which are evaluated at m + 1 points and at infinity, multiplied there, and interpolated; transposed, a
product of polynomials is a convolution.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ensemble.voting.winograd_kernels import to_images, to_tiles

Matrix = npt.NDArray[np.float64]

TILES = (3, 4)
"""Outputs along a side of a tile, one or the other: the smaller wastes less on small images."""

POINTS = (0.0, 1.0, -1.0, 0.5, -2.0)
"""Where polynomials are evaluated: these round least (the errors of 1, -1, 2, -2 are twice as large)."""

AT_ONCE = 128
"""Tiles that are computed together, about: they stay in the cache, and are enough to keep products of matrices busy."""

FEWEST = 8
"""Tiles of all images: with fewer it takes longer to read the transformed filters than to multiply by them."""

WORTH = 2 / 3
"""Of the multiplications of the plain convolution: with more the transforms cost more than is saved."""


class Winograd(nn.Module):
    """A 3x3 convolution with the weights of another one (the same tensors, by the same names), which only predicts:
    float32, without a gradient."""

    def __init__(self, convolution: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self._filters: dict[int, Tensor] = {}

    def forward(self, images: Tensor) -> Tensor:
        """float32 [n, c, h, w] -> [n, out, h, w]; no copy of channels_last images."""
        if (m := self.tiles_of(images)) is None:
            return F.conv2d(images, self.weight, self.bias, padding=1)
        return self._by_tiles(images.permute(0, 2, 3, 1).contiguous(), m).permute(0, 3, 1, 2)

    @staticmethod
    def tiles_of(images: Tensor) -> int | None:
        """Choose the outputs along a side of a tile; None where the plain convolution is faster."""
        n, _, height, width = images.shape
        tiles = {m: -(-height // m) * -(-width // m) for m in TILES}
        m = min(TILES, key=lambda m: tiles[m] * (m + 2) ** 2)
        worth = tiles[m] * (m + 2) ** 2 <= WORTH * 9 * height * width
        return m if worth and n * tiles[m] >= FEWEST else None

    def _by_tiles(self, images: Tensor, m: int) -> Tensor:
        """[n, h, w, c] -> [n, h, w, out], some rows of tiles at a time."""
        back, there = _transforms(m)[:2]
        filters = self._transformed(m)
        n, height, width, channels = images.shape
        out = torch.empty(n, height, width, filters.shape[2])
        rows, columns = n * -(-height // m), -(-width // m)
        parts = -(-rows * columns // AT_ONCE)
        some = -(-rows // parts)
        tiles, products = (torch.empty(len(filters), some * columns, side) for side in filters.shape[1:])
        for start in range(0, rows, some):
            first = min(start, rows - some)  # the last ones are as many: some are computed twice
            to_tiles(_flat(images), (height, width, channels), there, first, first + some, _flat(tiles))
            torch.bmm(tiles, filters, out=products)
            if self.bias is not None:
                products[m + 3] += self.bias  # at the point (1, 1), from where it is added to each output
            to_images(_flat(products), (height, width, out.shape[3]), back, first, first + some, _flat(out))
        return out

    def _transformed(self, m: int) -> Tensor:
        """Transform the filters, once: float32 [(m + 2)^2, c, out]."""
        if m not in self._filters:
            there = torch.from_numpy(_transforms(m)[2])
            flat = self.weight.detach().double().permute(2, 3, 1, 0).flatten(2).flatten(0, 1)
            made = (torch.kron(there, there) @ flat).float()
            self._filters[m] = made.view(len(made), self.weight.shape[1], self.weight.shape[0])
        return self._filters[m]


def replace(network: nn.Module) -> None:
    """Put a `Winograd` in the place of each 3x3 convolution that moves by one pixel and is neither grouped nor dilated;
    from then on the network only predicts."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.Conv2d) and _fits(child):
                parent.register_module(name, Winograd(child))


def _fits(convolution: nn.Conv2d) -> bool:
    square = convolution.kernel_size == (3, 3) and convolution.padding == (1, 1)
    plain = convolution.stride == convolution.dilation == (1, 1) and convolution.groups == 1
    return square and plain and convolution.padding_mode == "zeros"


@cache
def _transforms(m: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], Matrix]:
    """Make the matrices of a side: of the outputs [m, 6] and of the tile [m + 2, 6], both filled up with zeros, and of
    the filter [m + 2, 3]. The outputs of an image d and a filter g are the first (second @ d * third @ g)."""
    n = m + 2
    values = np.vstack([np.vander(POINTS[: n - 1], n, increasing=True), np.eye(n)[-1:]])
    outputs, filters = (np.vstack([values[:-1, :side], np.eye(side)[-1:]]) for side in (m, 3))
    return _filled(outputs.T), _filled(np.linalg.inv(values).T), filters


def _filled(matrix: Matrix) -> npt.NDArray[np.float32]:
    return np.pad(matrix, ((0, 0), (0, max(TILES) + 2 - matrix.shape[1]))).astype(np.float32)


def _flat(values: Tensor) -> npt.NDArray[np.float32]:
    return np.asarray(values.view(-1).numpy())
