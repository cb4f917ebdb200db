"""Finds search spaces by name or in a file, joins them, and checks what Ray Tune would silently ignore."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
    json_to_distribution,
)

from common.command_line import did_you_mean
from common.errors import ConfigError, SpaceError
from trainable.config import TrialConfig, flat_types
from tuning.plan import space_files, space_names

Point = dict[str, Any]


@dataclass(frozen=True)
class Space:
    """One search space, checked when built.

    Attributes:
        name: "age_bands", or "a+b" for a join.
        about: the first line of its docstring.
        distributions: flat key -> Optuna distribution.
        fixed: flat key -> value for settings it holds away from the reference recipe.
        start: points tried first.
        source: what `load` finds it by, from any folder.
        code: SHA-256 of the files of one's own that it was loaded from (`space_files.code_of`), "" of none.
        whole: it is all that a recipe has (`recipe`), so that what does not apply to a store is left out.

    Raises:
        SpaceError: an unknown key, a value out of range, an incomplete point.
    """

    name: str
    about: str
    distributions: dict[str, BaseDistribution]
    fixed: Point
    start: list[Point]
    source: str = ""
    code: str = ""
    whole: bool = False

    def __post_init__(self) -> None:
        if not self.distributions:
            raise SpaceError(f"space {self.name}: SPACE is empty; name at least one setting that varies")
        self._check_keys()
        for number, point in enumerate(self.start):
            self._check_point(f"START[{number}]", point)
        self._check_corners()

    def reference(self) -> Point:
        """The reference recipe's values of what this space varies."""
        recipe = TrialConfig.from_flat(self.fixed).to_flat()
        return {key: recipe[key] for key in self.distributions}

    def _check_keys(self) -> None:
        known = flat_types()
        for key in (*self.distributions, *self.fixed):
            if key not in known:
                hint = did_you_mean(key, known) or f"they are {', '.join(known)}"
                raise SpaceError(f"space {self.name}: {key!r} is no setting of a trial; {hint}")
        for key, distribution in self.distributions.items():
            if not isinstance(distribution, BaseDistribution):
                raise SpaceError(
                    f"space {self.name}: {key} must be an Optuna distribution, as in IntDistribution(1, 9), "
                    f"but got {distribution!r}"
                )
        both = sorted(set(self.distributions) & set(self.fixed))
        if both:
            raise SpaceError(f"space {self.name}: {both[0]} is in SPACE and in FIXED; keep one")

    def _check_point(self, where: str, point: Point) -> None:
        if set(point) != set(self.distributions):
            wrong = sorted(set(point) ^ set(self.distributions))
            raise SpaceError(f"space {self.name}: {where} must name exactly SPACE's keys, but differs in {wrong}")
        for key, distribution in self.distributions.items():
            if not within(point[key], distribution):
                raise SpaceError(f"space {self.name}: {where} has {key}={point[key]!r}, outside {distribution}")
        try:
            TrialConfig.from_flat({**self.fixed, **point})
        except ConfigError as error:
            raise SpaceError(f"space {self.name}: {where} is no valid trial: {error}") from None

    def _check_corners(self) -> None:
        """Every combination of the ranges' ends is a valid trial. Rules are within a group, so groups go one by one."""
        for group in sorted({key.split("/")[0] for key in self.distributions}):
            keys = [key for key in self.distributions if key.startswith(f"{group}/")]
            for corner in itertools.product(*(_ends(self.distributions[key]) for key in keys)):
                point = dict(zip(keys, corner, strict=True))
                try:
                    TrialConfig.from_flat({**self.fixed, **point})
                except ConfigError as error:
                    raise SpaceError(
                        f"space {self.name}: its ranges allow {point}, which is no valid trial: {error}"
                    ) from None


def load(name: str) -> Space:
    """Load one space, or several joined by "+": names of those that come with masktune, or FILE.py[:NAME].

    Raises:
        SpaceError: no such space (the known ones are listed), or one that breaks a rule.
    """
    space_names.check(name)
    parts = [part for each in name.split("+") for part in _parts(each)]
    joined = parts[0] if len(parts) == 1 else _join("+".join(part.name for part in parts), parts)
    source = "+".join(space_files.absolute(part) for part in name.split("+"))
    return dataclasses.replace(joined, source=source, code=space_files.code_of(source) or "")


def to_json(space: Space) -> dict[str, Any]:
    """The space as search.json keeps it."""
    distributions = {key: json.loads(distribution_to_json(each)) for key, each in space.distributions.items()}
    return {**vars(space), "distributions": distributions}


def from_json(saved: dict[str, Any]) -> Space:
    """The inverse of `to_json`."""
    if strange := [name for name in ("name", "about", "source", "code") if not isinstance(saved.get(name, ""), str)]:
        raise TypeError(f"{strange[0]} of the space is {saved[strange[0]]!r}")
    distributions = {key: json_to_distribution(json.dumps(each)) for key, each in saved["distributions"].items()}
    return Space(**{**saved, "distributions": distributions})


def _parts(name: str) -> list[Space]:
    file, _, attribute = name.partition(":")
    if space_files.is_file(name):
        return [_of_module(space_files.run(Path(file)), Path(file).stem, attribute or "SPACE")]
    module = importlib.import_module(f"search_spaces.{name}")
    if hasattr(module, "JOIN"):
        joined = _join(
            name, [_of_module(importlib.import_module(f"search_spaces.{part}"), part) for part in module.JOIN]
        )
        return [dataclasses.replace(joined, about=_about(module), whole=True)]
    return [_of_module(module, name)]


def _of_module(module: ModuleType, name: str, attribute: str = "SPACE") -> Space:
    if not isinstance(getattr(module, attribute, None), dict):
        raise SpaceError(f"space {name}: {attribute} must be a dict of flat keys to Optuna distributions")
    fixed = dict(getattr(module, "FIXED", {}))
    start = [dict(point) for point in getattr(module, "START", [])]
    space = Space(name, _about(module), dict(getattr(module, attribute)), fixed, start)
    reference = space.reference()
    if not start or _without_bands(start[0]) != _without_bands(reference):
        raise SpaceError(f"space {name}: START must begin with the reference recipe, {reference}")
    return space


def _without_bands(point: Point) -> Point:
    """Which official age bands the recipe trains on is the store's to say (`plan.with_bands`)."""
    return {key: value for key, value in point.items() if key not in ("labels/young_below", "labels/old_from")}


def _about(module: ModuleType) -> str:
    return (inspect.getdoc(module) or "").split("\n")[0]


def _ends(distribution: BaseDistribution) -> tuple[Any, ...]:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return (distribution.low, distribution.high)


def within(value: Any, distribution: BaseDistribution) -> bool:
    """Whether the distribution can propose the value."""
    try:
        return bool(distribution._contains(distribution.to_internal_repr(value)))
    except (TypeError, ValueError):
        return False


def _join(name: str, parts: list[Space]) -> Space:
    """Every part's starting points, with the reference recipe's values for the settings of the other parts."""
    keys = [key for part in parts for key in (*part.distributions, *part.fixed)]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise SpaceError(f"space {name}: {twice[0]} is in more than one of its parts; join spaces that do not overlap")
    reference = {key: value for part in parts for key, value in part.start[0].items()}
    start: list[Point] = []
    for part in parts:
        start += [point for own in part.start if (point := {**reference, **own}) not in start]
    return Space(
        name=name,
        about=" And: ".join(part.about for part in parts if part.about),
        distributions={key: value for part in parts for key, value in part.distributions.items()},
        fixed={key: value for part in parts for key, value in part.fixed.items()},
        start=start,
    )
