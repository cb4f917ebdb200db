"""What every trial of a search shares, and the space as profile and store want it."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from common.errors import ConfigError, OptionError, SpaceError
from data_prep.task import Task
from trainable import official
from trainable.config import TrialConfig
from tuning.plan import spaces
from tuning.plan.describe import range_text
from tuning.plan.profiles import Profile
from tuning.plan.spaces import Space


def shared_settings(
    space: Space,
    profile: Profile,
    *,
    epochs: int | None = None,
    arch: str | None = None,
    weights: str | None = None,
    seed: int,
    bands: tuple[int, int] | None = None,
    also: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What every trial of a search shares: the profile, the store's `bands`, the space's FIXED, then the command line.

    A cycle longer than the trial would never come down from its peak, so --epochs shortens the cycle with it.

    Args:
        also: other settings that the command line fixes, by their flat keys.
    """
    asked = {"train/epochs": epochs, "model/arch": arch, "model/weights": weights, "train/seed": seed}
    given = {key: value for key, value in asked.items() if value is not None}
    given |= _checked(also or {}, asked, space)
    merged = {**profile.settings, **_own_bands(bands), **space.fixed, **given}
    for key in space.distributions:
        merged.pop(key, None)
    try:
        config = TrialConfig.from_flat(merged)
    except ConfigError as error:
        raise OptionError(f"these options make no valid trial: {error}") from None
    if config.schedule.cycle > config.train.epochs and "schedule/cycle" not in space.distributions:
        merged["schedule/cycle"] = config.train.epochs
        merged["schedule/warmup"] = min(config.schedule.warmup, config.train.epochs - 1)
    return merged


def _checked(also: Mapping[str, Any], own: Collection[str], space: Space) -> Mapping[str, Any]:
    """Raises OptionError: a setting that has an option of its `own`, or that the space varies."""
    for key in also:
        if key in own:
            raise OptionError(f"--set {key}: this has an option of its own; say --{key.split('/')[1]} instead")
        if key in space.distributions:
            raise OptionError(
                f"--set {key}: the space {space.name} varies it; leave it out, or write a space that does not"
            )
    return also


def _own_bands(bands: tuple[int, int] | None) -> dict[str, Any]:
    """Settings for official age bands, where they are not the reference recipe's."""
    recipe = TrialConfig().to_flat()
    return {key: value for key, value in official.thresholds(bands).items() if value != recipe[key]} if bands else {}


def full_length(settings: dict[str, Any]) -> int:
    """Epochs of a full-length trial under `settings`."""
    return TrialConfig.from_flat(settings).train.epochs


def with_profile(space: Space, profile: Profile) -> Space:
    """The space with its starting points, all but the first, moved to what the profile says where they say what the
    recipe does: a learning rate for ImageNet weights is far from what small photos from scratch need. A profile that
    `leads` moves the first one, too."""
    reference, varied = space.start[0], space.distributions
    own = {key: _clipped(value, varied[key]) for key, value in profile.settings.items() if key in varied}
    moved = [{**point, **{key: own[key] for key in own if point[key] == reference[key]}} for point in space.start]
    start = [moved[0] if profile.leads else reference]
    start += [point for number, point in enumerate(moved) if point not in [start[0], *moved[:number]]]
    return dataclasses.replace(space, start=start)


def for_task(space: Space, task: Task) -> Space:
    """The space without settings that mean nothing to a task; those of a whole recipe are left out in silence.

    Raises:
        SpaceError: they are what it is for.
    """
    useless = [key for key in space.distributions if key.startswith("labels/") and "age" not in task.factors]
    if not useless:
        return space
    rest = {key: each for key, each in space.distributions.items() if key not in useless}
    if not rest or not space.whole:
        why = next((note for note in task.notes if "age" in note), "its task has no age band")
        raise SpaceError(
            f"space {space.name}: varies {useless[0]}, but the store's task is {task} ({why}); "
            "name another space (--list-spaces shows them)"
        )
    start = [{key: value for key, value in point.items() if key in rest} for point in space.start]
    distinct = [point for number, point in enumerate(start) if point not in start[:number]]
    return dataclasses.replace(space, distributions=rest, start=distinct)


def with_bands(space: Space, bands: tuple[int, int]) -> Space:
    """The space for a store of these official age bands: its first point trains on them, as far as it varies them.

    Raises:
        SpaceError: its ranges leave them out, or allow what is no valid trial with them.
    """
    varied = {key: value for key, value in official.thresholds(bands).items() if key in space.distributions}
    for key, value in varied.items():
        if not spaces.within(value, space.distributions[key]):
            raise SpaceError(
                f"space {space.name}: varies {key} over {range_text(space.distributions[key])}, but the store's "
                f"official age bands begin at {bands[0]} and {bands[1]}; write a space of your own around them "
                "(--space ./my_space.py:SPACE), or leave the age bands out of the search"
            )
    # The points around the recipe's bands become points around the store's, as far as its ranges go.
    recipe = TrialConfig().to_flat()
    moved = [
        {key: value + varied[key] - recipe[key] if key in varied else value for key, value in point.items()}
        for point in space.start
    ]
    start = [point for point in moved if all(spaces.within(point[key], space.distributions[key]) for key in varied)]
    # Built for its checks only: the thresholds that do not vary are the plan's, and FIXED stays as its file has it.
    fixed = {key: value for key, value in _own_bands(bands).items() if key not in varied}
    dataclasses.replace(space, fixed={**fixed, **space.fixed}, start=start)
    return dataclasses.replace(space, start=start)


def _clipped(value: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return min(max(value, distribution.low), distribution.high)
    return value
