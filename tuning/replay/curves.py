"""Learning curves that were logged, to replay a search over: val_f1 and seconds of every epoch of a trial."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from common import search_state
from common.errors import OptionError, SearchError
from common.security.regular_file import parse_json, read_json, read_text
from tuning.plan.spaces import Point, Space
from tuning.records.results import PARAMS, reported
from tuning.records.rows import setting


@dataclass(frozen=True)
class Curve:
    """One trial, as far as it was trained.

    Attributes:
        name: "trial-003".
        point: flat key -> value of what the search varied.
        val_f1: after epochs 1, 2, ...; at least one.
        seconds: that each of these epochs took.
        failed: it diverged in the last of them. Of another curve that is shorter than a whole trial, nobody knows how
            it would have gone on.
    """

    name: str
    point: Point
    val_f1: tuple[float, ...]
    seconds: tuple[float, ...]
    failed: bool = False

    def __post_init__(self) -> None:
        if not self.val_f1 or len(self.val_f1) != len(self.seconds):
            raise ValueError(
                f"{self.name}: val_f1 and seconds must have one value an epoch, one epoch or more, "
                f"but have {len(self.val_f1)} and {len(self.seconds)}"
            )
        if not all(map(math.isfinite, (*self.val_f1, *self.seconds))) or min(self.seconds) < 0:
            raise ValueError(f"{self.name}: val_f1 and seconds must be finite, and seconds not below 0")

    def __len__(self) -> int:
        return len(self.val_f1)

    @property
    def best(self) -> float:
        return max(self.val_f1)

    def full_seconds(self, epochs: int) -> float:
        """What `epochs` epochs take at its own pace; no more than it ran if it failed."""
        return sum(self.seconds) * (1 if self.failed else epochs / len(self))


def of_search(folder: Path, keys: Sequence[str]) -> list[Curve]:
    """The curves of the trials in a search folder that reported at least once, in the order they were started.

    Args:
        keys: flat, of what the search varies.

    Raises:
        SearchError: no trial has reported, or a file is not what a trial writes.
    """
    trials = search_state.trial_folders(folder)
    try:
        curves = [_of_trial(trial, epochs, keys) for trial in trials if (epochs := _reported(trial))]
    except OSError as error:
        raise SearchError(f"{error.filename} cannot be read ({error.strerror}); move its folder away") from None
    if not curves:
        raise SearchError(f"{folder} has no trial with a result, so there is nothing to replay; let the search go on")
    return curves


def of_file(file: Path) -> list[Curve]:
    """The curves that `python -m benchmarks.record_curves` recorded, by their number.

    Raises:
        OptionError: no such file, none in it, or a line that is no curve. A last line that was cut off is left out.
    """
    try:
        lines = read_text(file).splitlines()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise OptionError(f"--curves {file}: cannot be read ({why}); name a file of JSON lines") from None
    recorded = []
    for number, line in enumerate(lines, start=1):
        try:
            recorded.append(_of_line(parse_json(line)))
        except (ValueError, KeyError, TypeError) as error:
            if number < len(lines):
                raise OptionError(f"--curves {file}, line {number}: no recorded curve ({error!r}); remove it") from None
    if not recorded:
        raise OptionError(f"--curves {file}: there is no curve in it; record some: python -m benchmarks.record_curves")
    return [curve for _, curve in sorted(recorded, key=lambda each: each[0])]


class Nearest:
    """Answers any point of a space with the recorded curve whose point is nearest.

    Distances are Euclidean in the unit cube: every setting's range is scaled to 0 .. 1, the logarithm's where it is
    searched by logarithm, and a choice is at distance 1 from every other. Of equally near ones the first answers.

    Args:
        once: a curve that has answered does so again only when all have. A searcher that closes in on a region then
            sees its other curves, each with its own luck, as it would in training, and not the same one for ever.
    """

    def __init__(self, curves: Sequence[Curve], space: Space, once: bool = False) -> None:
        self._curves, self._distributions, self._once = curves, space.distributions, once
        self._cube = np.array([self._unit(curve.point) for curve in curves])
        self._answers = np.zeros(len(curves), dtype=int)

    def __call__(self, point: Point) -> Curve:
        distance = ((self._cube - self._unit(point)) ** 2).sum(axis=1)
        if self._once:
            distance[self._answers > self._answers.min()] = np.inf
        nearest = int(distance.argmin())
        self._answers[nearest] += 1
        return self._curves[nearest]

    def _unit(self, point: Point) -> npt.NDArray[np.float64]:
        return np.concatenate([_unit(point[key], each) for key, each in self._distributions.items()])


def _unit(value: Any, distribution: BaseDistribution) -> list[float]:
    if isinstance(distribution, CategoricalDistribution):
        # Two one-hot vectors are the root of 2 apart.
        return [math.sqrt(0.5) * (value == choice) for choice in distribution.choices]
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    low, high = float(distribution.low), float(distribution.high)
    if distribution.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return [(value - low) / (high - low) if high > low else 0.0]


def _reported(trial: Path) -> list[dict[str, Any]]:
    """What a trial reported in epochs 1, 2, ... A trial that was resumed has repeated epochs: the last run of each
    counts. A kill can cut a line off."""
    epochs: list[dict[str, Any]] = []
    for result in reported(trial):
        if not {"training_iteration", "val_f1"} <= set(result):
            continue
        if type(result["training_iteration"]) is not int:
            continue
        done = result["training_iteration"] - 1
        if 0 <= done <= len(epochs):
            epochs[done:] = [result]
    return epochs


def _of_trial(folder: Path, reported: list[dict[str, Any]], keys: Sequence[str]) -> Curve:
    try:
        config = read_json(folder / PARAMS)
        return Curve(
            name=folder.name,
            point={key: setting(config, key) for key in keys},
            val_f1=tuple(float(result["val_f1"]) for result in reported),
            seconds=tuple(float(result[_clock(result)]) for result in reported),
            failed="diverged" in reported[-1],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SearchError(
            f"{folder} cannot be replayed ({error!r}): params.json must hold what the search varies and result.json "
            "val_f1 and the seconds of each epoch; move the folder away to replay the others"
        ) from None


def _clock(result: dict[str, Any]) -> str:
    """Ray's own counts the checkpoint too."""
    return "time_this_iter_s" if "time_this_iter_s" in result else "seconds"


def _of_line(recorded: dict[str, Any]) -> tuple[int, Curve]:
    """(number, curve). The epoch in which a trial diverged is recorded as an error; a search scores it 0."""
    number, val_f1, seconds = recorded["number"], recorded["val_f1"], recorded["seconds"]
    failed = "error" in recorded
    if failed:
        val_f1, seconds = [*val_f1, 0.0], [*seconds, seconds[-1] if seconds else 0.0]
    return number, Curve(f"curve {number}", recorded["point"], tuple(val_f1), tuple(seconds), failed)
