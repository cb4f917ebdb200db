"""Finds search spaces by name, joins them, and checks what Ray Tune would silently ignore."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution

import search_spaces
from errors import ConfigError, SpaceError
from trainable.config import TrialConfig, flat_types

Point = dict[str, Any]


@dataclass(frozen=True)
class Space:
    """One search space, checked when built.

    Attributes:
        name: "age_bands", or "a+b" for a join.
        about: the first line of its docstring.
        distributions: flat key -> Optuna distribution.
        fixed: flat key -> value for settings it holds away from the reference recipe.
        start: points tried first; the first is the reference recipe.

    Raises:
        SpaceError: an unknown key, a value out of range, an incomplete or a wrong first point.
    """

    name: str
    about: str
    distributions: dict[str, BaseDistribution]
    fixed: Point
    start: list[Point]

    def __post_init__(self) -> None:
        if not self.distributions:
            raise SpaceError(f"space {self.name}: SPACE is empty; name at least one setting that varies")
        self._check_keys()
        for number, point in enumerate(self.start):
            self._check_point(f"START[{number}]", point)
        reference = self.reference()
        if not self.start or self.start[0] != reference:
            raise SpaceError(f"space {self.name}: START must begin with the reference recipe, {reference}")

    def reference(self) -> Point:
        """The reference recipe's values of what this space varies."""
        recipe = TrialConfig.from_flat(self.fixed).to_flat()
        return {key: recipe[key] for key in self.distributions}

    def _check_keys(self) -> None:
        known = flat_types()
        for key in (*self.distributions, *self.fixed):
            if key not in known:
                raise SpaceError(f"space {self.name}: {key} is no setting of a trial; they are {', '.join(known)}")
        both = sorted(set(self.distributions) & set(self.fixed))
        if both:
            raise SpaceError(f"space {self.name}: {both[0]} is in SPACE and in FIXED; keep one")

    def _check_point(self, where: str, point: Point) -> None:
        if set(point) != set(self.distributions):
            wrong = sorted(set(point) ^ set(self.distributions))
            raise SpaceError(f"space {self.name}: {where} must name exactly SPACE's keys, but differs in {wrong}")
        for key, distribution in self.distributions.items():
            if not distribution._contains(distribution.to_internal_repr(point[key])):
                raise SpaceError(f"space {self.name}: {where} has {key}={point[key]!r}, outside {distribution}")
        try:
            TrialConfig.from_flat({**self.fixed, **point})
        except ConfigError as error:
            raise SpaceError(f"space {self.name}: {where} is no valid trial: {error}") from None


def names() -> list[str]:
    """The names of the spaces that come with masktune."""
    return sorted(module.name for module in pkgutil.iter_modules(search_spaces.__path__))


def load(name: str) -> Space:
    """Load one space, or several joined by "+".

    Raises:
        SpaceError: no such space (the known ones are listed), or one that breaks a rule.
    """
    parts = [_load_one(part) for part in name.split("+")]
    return parts[0] if len(parts) == 1 else _join(name, parts)


def _load_one(name: str) -> Space:
    if name not in names():
        raise SpaceError(f"no such space: {name!r}; the known ones are {', '.join(names())}")
    module = importlib.import_module(f"search_spaces.{name}")
    about = (inspect.getdoc(module) or "").split("\n")[0]
    return Space(name, about, dict(module.SPACE), dict(module.FIXED), [dict(point) for point in module.START])


def _join(name: str, parts: list[Space]) -> Space:
    """Every part's starting points, with the reference recipe's values for the settings of the other parts."""
    keys = [key for part in parts for key in (*part.distributions, *part.fixed)]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise SpaceError(f"space {name}: {twice[0]} is in more than one of its parts; join spaces that do not overlap")
    reference = {key: value for part in parts for key, value in part.reference().items()}
    start: list[Point] = []
    for part in parts:
        start += [point for own in part.start if (point := {**reference, **own}) not in start]
    return Space(
        name=name,
        about=" And: ".join(part.about for part in parts),
        distributions={key: value for part in parts for key, value in part.distributions.items()},
        fixed={key: value for part in parts for key, value in part.fixed.items()},
        start=start,
    )
