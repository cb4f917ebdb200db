"""The points of a space, where they can be counted: each is worth one trial, as a second would score the same."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from tuning.plan.spaces import Point


def count(distributions: Mapping[str, BaseDistribution]) -> int | None:
    """Count the points; None where there is no end of them."""
    sizes = [_size(each) for each in distributions.values()]
    return None if None in sizes else math.prod(size for size in sizes if size)


def every(distributions: Mapping[str, BaseDistribution]) -> Iterator[Point]:
    """Give every point of a space that has a number of them."""
    for values in itertools.product(*map(_values, distributions.values())):
        yield dict(zip(distributions, values, strict=True))


def _size(distribution: BaseDistribution) -> int | None:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    if distribution.step is None:
        return 1 if distribution.single() else None
    return round((distribution.high - distribution.low) / distribution.step) + 1  # Optuna has adjusted `high`


def _values(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    size, step = _size(distribution) or 1, distribution.step or 0
    return [distribution.low + number * step for number in range(size)]
