"""Computes mean and standard deviation of the train photos, exactly, in whatever order photos come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np

from data_prep.store.shards import Photos

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Moments:
    """Sums over pixels, one of each channel; integers, so that parts add up to the whole.

    Attributes:
        pixels: how many there are.
        sums, squares: of the channels' byte values, and of their squares.
    """

    pixels: int = 0
    sums: Triple = (0, 0, 0)
    squares: Triple = (0, 0, 0)

    @classmethod
    def of(cls, photo: Photos) -> Moments:
        """Sum up a photo, uint8 [height, width, 3]; lets go of the GIL."""
        from data_prep.store.kernels import LANES, sums

        flat = photo.reshape(-1)
        whole = len(flat) - len(flat) % LANES
        rest = flat[whole:].reshape(-1, 3).astype(np.int64)
        sum_, squares = sums(flat[:whole].reshape(-1, LANES)).astype(np.int64).reshape(2, -1, 3).sum(axis=1)
        return cls(len(flat) // 3, _triple(sum_ + rest.sum(axis=0)), _triple(squares + (rest * rest).sum(axis=0)))

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Moments:
        return cls(fields["pixels"], _triple(fields["sums"]), _triple(fields["squares"]))

    @classmethod
    def total(cls, parts: Iterable[Moments]) -> Moments:
        pixels, sums, squares = 0, np.zeros(3, np.int64), np.zeros(3, np.int64)
        for part in parts:
            pixels, sums, squares = pixels + part.pixels, sums + part.sums, squares + part.squares
        return cls(pixels, _triple(sums), _triple(squares))

    @property
    def mean(self) -> list[float]:
        """Give the mean of each channel, 0..1."""
        return [total / (255 * self.pixels) for total in self.sums]

    @property
    def std(self) -> list[float]:
        """Give the standard deviation of each channel, 0..1."""
        pairs = zip(self.sums, self.squares, strict=True)
        return [
            sqrt(Fraction(square, self.pixels) - Fraction(total, self.pixels) ** 2) / 255 for total, square in pairs
        ]


def _triple(values: Iterable[Any]) -> Triple:
    first, second, third = (int(value) for value in values)
    return first, second, third
