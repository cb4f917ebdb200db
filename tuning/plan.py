"""Everything about a search that is decided before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from errors import ConfigError, OptionError, SearchError
from trainable.config import TrialConfig
from tuning.profile import Profile
from tuning.resources import Resources
from tuning.spaces import Space


@dataclass(frozen=True)
class Plan:
    """One search.

    Attributes:
        folder: where it is kept; its name is the search's name.
        store: the dataset store's folder.
        settings: flat key -> value of everything that does not vary, where it differs from the reference recipe.
        trials: how many trials are started.
        epochs: epochs of a trial that is never stopped.
        grace: epochs before ASHA may stop a trial.
        reduction: of the trials that reach a rung, one in so many goes on.
    """

    folder: Path
    space: Space
    profile: Profile
    store: Path
    settings: dict[str, Any]
    trials: int
    epochs: int
    grace: int
    reduction: int
    resources: Resources
    seed: int

    def __post_init__(self) -> None:
        if self.trials < 1:
            raise OptionError(f"--trials: at least 1 is needed, but got {self.trials}")
        if not 1 <= self.grace <= self.epochs:
            raise OptionError(f"--grace: 1 <= grace <= epochs ({self.epochs}) must hold, but got {self.grace}")
        if self.reduction < 2:
            raise OptionError(f"--reduction: at least 2 is needed, but got {self.reduction}")

    @property
    def name(self) -> str:
        return self.folder.name

    def config(self, point: dict[str, Any]) -> TrialConfig:
        """The trial that tries `point`: what the space varies wins over what the search fixes."""
        return TrialConfig.from_flat({**self.settings, **point})

    def rungs(self) -> list[int]:
        """The epochs at which ASHA compares trials."""
        rungs, rung = [], self.grace
        while rung < self.epochs:
            rungs.append(rung)
            rung *= self.reduction
        return rungs


def settings(
    space: Space, profile: Profile, *, epochs: int | None = None, weights: str | None = None, seed: int
) -> dict[str, Any]:
    """What every trial of a search shares: the profile, the space's FIXED, then the command line.

    A cycle longer than the trial would never come down from its peak, so --epochs shortens the cycle with it.
    """
    asked = {"train/epochs": epochs, "model/weights": weights, "train/seed": seed}
    merged = {**profile.settings, **space.fixed, **{key: value for key, value in asked.items() if value is not None}}
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


def epochs(settings: dict[str, Any]) -> int:
    """Epochs of a full-length trial under `settings`."""
    return TrialConfig.from_flat(settings).train.epochs


def new_folder(runs: Path, space: str, name: str | None) -> Path:
    """The folder of a new search: runs/NAME, or the next free name after the space's.

    Raises:
        SearchError: NAME was given and is taken.
    """
    if name is None:
        names = [space, *(f"{space}-{number}" for number in range(2, 10_000))]
        return next(folder for folder in (runs.absolute() / free for free in names) if not folder.exists())
    if "/" in name or name in ("", ".", ".."):
        raise OptionError(f"--name: a plain folder name is needed, but got {name!r}")
    folder = runs.absolute() / name
    if folder.exists():
        raise SearchError(
            f"{folder} already holds a search; choose another --name, or go on with it: "
            f"python tune_main.py --resume {runs / name}"
        )
    return folder


def describe(plan: Plan) -> str:
    """What is about to run, for a person: the space, the starting points, the profile, resources and cost."""
    resources = plan.resources
    cores = f"{resources.cpus} core{'s' if resources.cpus > 1 else ''}"
    where = f"{resources.gpus:g} GPU + {cores}" if resources.gpus else f"{cores}, no GPU"
    start = min(plan.trials, len(plan.space.start))
    lines = [
        f"Search {plan.name}: {plan.space.about}",
        "",
        "Varies",
        *(f"  {key:<24} {range_text(values)}" for key, values in plan.space.distributions.items()),
        f"Tried first ({start} of {plan.trials} trials; the reference recipe leads)",
        *(f"  {_point_text(point)}" for point in plan.space.start),
        f"Fixed, profile {plan.profile.name} ({plan.profile.about})",
        *(f"  {text}" for text in _differences(plan)),
        "Runs",
        f"  one trial on {where}; {resources.concurrent} at a time",
        f"  {_stopping(plan)}",
        f"  at most {plan.trials} trials x {plan.epochs} epochs = {plan.trials * plan.epochs} epochs; "
        f"about {_likely_epochs(plan)} if ASHA stops what it can",
        f"  at most {disk_gb(plan):.1f} GB on disk under {plan.folder}",
    ]
    return "\n".join(lines)


def _stopping(plan: Plan) -> str:
    if not plan.rungs():
        return "no early stopping: --grace is as long as a trial"
    return (
        f"ASHA compares val_f1 after {', '.join(map(str, plan.rungs()))} epochs and keeps the best of {plan.reduction}"
    )


def disk_gb(plan: Plan) -> float:
    """Peak disk of a ResNet50 search: best weights of every trial (0.1 GB), and for each running one two checkpoints
    (weights, best weights and up to two moments: 0.4 GB) and a third being written, as for the last ones that ended."""
    return 0.1 * plan.trials + 2 * 3 * 0.4 * plan.resources.concurrent


def range_text(distribution: BaseDistribution) -> str:
    """`IntDistribution(27, 32)` -> "27 .. 32"."""
    if isinstance(distribution, CategoricalDistribution):
        return " | ".join(map(str, distribution.choices))
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return f"{distribution.low:g} .. {distribution.high:g}" + (" (log)" if distribution.log else "")


def _point_text(point: dict[str, Any]) -> str:
    return ", ".join(f"{key.split('/')[1]} {value}" for key, value in point.items())


def _differences(plan: Plan) -> list[str]:
    """Settings away from the reference recipe, with the recipe's value."""
    recipe = TrialConfig().to_flat()
    changed = [key for key, value in plan.settings.items() if value != recipe[key]]
    if not changed:
        return ["nothing differs from the reference recipe"]
    return [f"{key:<24} {plan.settings[key]}  (reference {recipe[key]})" for key in changed]


def _likely_epochs(plan: Plan) -> int:
    """Epochs if a third of the trials passes each rung: the usual estimate for successive halving."""
    total, alive, done = 0.0, float(plan.trials), 0
    for rung in (*plan.rungs(), plan.epochs):
        total, alive, done = total + alive * (rung - done), max(1.0, alive / plan.reduction), rung
    return round(total)
