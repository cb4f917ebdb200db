"""Everything about a search that is decided before anything runs."""

from __future__ import annotations

import contextlib
import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

import addresses
from errors import ConfigError, OptionError, SearchError, SpaceError
from trainable import official
from trainable.config import TrialConfig
from tuning import profile, spaces
from tuning.budget import Budget
from tuning.profile import Profile
from tuning.resources import Resources, unit
from tuning.spaces import Point, Space

WEIGHTS_GB = {
    "resnet50": 0.095,
    "resnet18": 0.045,
    "resnext50_32x4d": 0.093,
    "efficientnet_b4": 0.071,
    "convnext_tiny": 0.112,
}
"""float32, with 18 outputs."""


@dataclass(frozen=True)
class Plan:
    """One search.

    Attributes:
        folder: where it is kept, or at an address, its mirror; its name is the search's name.
        store: the dataset store's folder, absolute, or its address.
        settings: flat key -> value of everything that does not vary, where it differs from the reference recipe.
        budget: what ends the search.
        epochs: epochs of a trial that is never stopped.
        grace: epochs before ASHA may stop a trial.
        reduction: of the trials that reach a rung, one in so many goes on.
        keep: of how many trials, the best, the weights are kept.
        deterministic: every trial uses only operations that give the same bits every time.
        compile: trials use torch.compile where the device can.
        remote: the search's address, if it is kept at one.
    """

    folder: Path
    space: Space
    profile: Profile
    store: str
    settings: dict[str, Any]
    budget: Budget
    epochs: int
    grace: int
    reduction: int
    keep: int
    resources: Resources
    seed: int
    deterministic: bool = False
    compile: bool = False
    remote: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.grace <= self.epochs:
            raise OptionError(f"--grace: 1 <= grace <= epochs ({self.epochs}) must hold, but got {self.grace}")
        if self.reduction < 2:
            raise OptionError(f"--reduction: at least 2 is needed, but got {self.reduction}")
        if self.keep < 1:
            raise OptionError(f"--keep: at least 1 is needed, but got {self.keep}")

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def where(self) -> str:
        """Where it is kept, for a person."""
        return self.remote or str(self.folder)

    @property
    def execution(self) -> dict[str, bool]:
        """How trials run, beside what they are."""
        return {"deterministic": self.deterministic, "compile": self.compile}

    def config(self, point: Point) -> TrialConfig:
        """The trial that tries `point`: what the space varies wins over what the search fixes."""
        return TrialConfig.from_flat({**self.settings, **point})

    def rungs(self) -> list[int]:
        """The epochs at which ASHA compares trials."""
        rungs, rung = [], self.grace
        while rung < self.epochs:
            rungs.append(rung)
            rung *= self.reduction
        return rungs


def to_json(plan: Plan) -> dict[str, Any]:
    """As search.json keeps it; the folder is where that file lies."""
    return {
        "space": spaces.to_json(plan.space),
        "profile": plan.profile.name,
        "settings": plan.settings,
        "budget": vars(plan.budget),
        "epochs": plan.epochs,
        "grace": plan.grace,
        "reduction": plan.reduction,
        "keep": plan.keep,
        "resources": vars(plan.resources),
        "seed": plan.seed,
        **plan.execution,
        **({"remote": plan.remote} if plan.remote else {}),
    }


def from_json(folder: Path, about: dict[str, Any], remote: str | None = None) -> Plan:
    """The plan that search.json in `folder`, the mirror of `remote`, speaks of: a search may have been moved.

    Raises:
        SearchError: it is of another version.
    """
    try:
        return Plan(
            folder=folder,
            remote=remote,
            space=spaces.from_json(about["space"]),
            profile=profile.for_store(about["profile"]),
            store=about["store"]["path"],
            budget=Budget(**about["budget"]),
            resources=Resources(**about["resources"]),
            **{name: about[name] for name in ("settings", "epochs", "grace", "reduction", "keep", "seed")},
            **{name: about.get(name, False) for name in ("deterministic", "compile")},
        )
    except (KeyError, TypeError) as error:
        raise SearchError(
            f"{folder} is of another version of masktune (search.json: {error}); start a new search"
        ) from None


def settings(
    space: Space,
    profile: Profile,
    *,
    epochs: int | None = None,
    arch: str | None = None,
    weights: str | None = None,
    seed: int,
    bands: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """What every trial of a search shares: the profile, the store's `bands`, the space's FIXED, then the command line.

    A cycle longer than the trial would never come down from its peak, so --epochs shortens the cycle with it.
    """
    asked = {"train/epochs": epochs, "model/arch": arch, "model/weights": weights, "train/seed": seed}
    given = {key: value for key, value in asked.items() if value is not None}
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


def _own_bands(bands: tuple[int, int] | None) -> dict[str, Any]:
    """Settings for official age bands, where they are not the reference recipe's."""
    recipe = TrialConfig().to_flat()
    return {key: value for key, value in official.thresholds(bands).items() if value != recipe[key]} if bands else {}


def epochs(settings: dict[str, Any]) -> int:
    """Epochs of a full-length trial under `settings`."""
    return TrialConfig.from_flat(settings).train.epochs


def with_profile(space: Space, profile: Profile) -> Space:
    """The space with its starting points, all but the first, moved to what the profile says where they say what the
    recipe does: a learning rate for ImageNet weights is far from what small photos from scratch need."""
    reference, varied = space.start[0], space.distributions
    own = {key: _clipped(value, varied[key]) for key, value in profile.settings.items() if key in varied}
    moved = [{**point, **{key: own[key] for key in own if point[key] == reference[key]}} for point in space.start]
    start = [reference]
    start += [point for number, point in enumerate(moved) if point not in [reference, *moved[:number]]]
    return dataclasses.replace(space, start=start)


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
    first = {**space.start[0], **varied}
    start = [first, *(point for point in space.start if point != first)]
    # Built for its checks only: the thresholds that do not vary are the plan's, and FIXED stays as its file has it.
    fixed = {key: value for key, value in _own_bands(bands).items() if key not in varied}
    dataclasses.replace(space, fixed={**fixed, **space.fixed}, start=start)
    return dataclasses.replace(space, start=start)


def new_folder(runs: Path, space: str, name: str | None, address: str | None = None) -> Path:
    """The folder of a new search: runs/NAME, or the next free name after the space's.

    Args:
        address: that `runs` is the mirror of; it decides which names are taken.

    Raises:
        SearchError: NAME was given and is taken.
    """
    there: set[str] = set()
    if address:
        from tuning import mirror  # imports Ray

        there = mirror.names(address)

    def is_taken(folder: Path) -> bool:
        return folder.name in there if address else folder.exists()

    if name is None:
        names = [space, *(f"{space}-{number}" for number in range(2, 10_000))]
        return next(folder for folder in (runs.absolute() / free for free in names) if not is_taken(folder))
    if "/" in name or name in ("", ".", ".."):
        raise OptionError(f"--name: a plain folder name is needed, but got {name!r}")
    folder = runs.absolute() / name
    if is_taken(folder):
        where = addresses.child(address, name) if address else folder
        raise SearchError(
            f"{where} already holds a search; choose another --name, or go on with it: "
            f"python tune_main.py --resume {where if address else runs / name}"
        )
    return folder


def made_folder(runs: Path, space: str, name: str | None) -> Path:
    """`new_folder`, made: of those who ask for one at the same moment each gets its own, or the error."""
    while True:
        folder = new_folder(runs, space, name)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder


def describe(plan: Plan) -> str:
    """What is about to run, for a person: the space, the starting points, the profile, resources and cost."""
    resources = plan.resources
    cores = f"{resources.cpus} core{'s' if resources.cpus > 1 else ''}"
    where = f"{resources.gpus:g} GPU + {cores}" if resources.gpus else f"{cores}, no GPU"
    lines = [
        f"Search {plan.name}: {plan.space.about}",
        "",
        "Varies",
        *(f"  {key:<24} {range_text(values)}" for key, values in plan.space.distributions.items()),
        f"Tried first: the reference recipe, then {len(plan.space.start) - 1} points that differ from it in",
        f"  {_point_text(plan.space.start[0])}",
        *(f"  {_point_text(_difference(point, plan.space.start[0]))}" for point in plan.space.start[1:]),
        f"Fixed, profile {plan.profile.name} ({plan.profile.about})",
        *(f"  {text}" for text in _differences(plan)),
        "Runs",
        f"  one trial on {where}; {resources.concurrent} at a time",
        *(f"  {text}" for text in _execution(plan)),
        f"  {_stopping(plan)}",
        f"  until it has spent {limits(plan)}",
        *(f"  {text}" for text in _worst_case(plan)),
        f"  at most {disk_gb(plan):.1f} GB {'at' if plan.remote else 'on disk under'} {plan.where}: "
        f"the weights of {_kept(plan)} trials, two checkpoints of each running one",
    ]
    return "\n".join(lines)


def limits(plan: Plan) -> str:
    """The budget in words: "50 trials, 10 GPU-hours"."""
    budget = plan.budget
    named = ((budget.trials, "trials"), (budget.hours, "hours"), (budget.gpu_hours, unit(plan.resources.gpus)))
    return " or ".join(f"{value:g} {name}" for value, name in named if value is not None)


def disk_gb(plan: Plan) -> float:
    """Peak disk of a search, in GB (1e9 bytes): the weights of the trials kept, and what those that run need."""
    return (
        WEIGHTS_GB[plan.config(plan.space.start[0]).model.arch] * _kept(plan)
        + trial_gb(plan) * plan.resources.concurrent
    )


def trial_gb(plan: Plan) -> float:
    """Of one slot: the weights of the trial that runs and of the one that has just ended (`checkpoints.SETTLED`), and
    of each two checkpoints and a third being written.

    A checkpoint holds the weights, the optimizer's one or two moments, the average of the weights where there is one,
    and the best epoch's weights.
    """
    config = plan.config(plan.space.start[0])
    weights = WEIGHTS_GB[config.model.arch]
    checkpoint = weights * (2 + (2 if config.optimizer.name == "adamw" else 1) + (config.train.ema > 0))
    return 2 * (weights + 3 * checkpoint)


def range_text(distribution: BaseDistribution) -> str:
    """`IntDistribution(27, 32)` -> "27 .. 32"."""
    if isinstance(distribution, CategoricalDistribution):
        return " | ".join(map(str, distribution.choices))
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return f"{distribution.low:g} .. {distribution.high:g}" + (" (log)" if distribution.log else "")


def _kept(plan: Plan) -> int:
    return plan.keep if plan.budget.trials is None else min(plan.keep, plan.budget.trials)


def _clipped(value: Any, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return min(max(value, distribution.low), distribution.high)
    return value


def _execution(plan: Plan) -> list[str]:
    said = {"deterministic": "deterministic: the same bits in every run on one device", "compile": "torch.compile"}
    return [said[name] for name, yes in plan.execution.items() if yes]


def _stopping(plan: Plan) -> str:
    if not plan.rungs():
        return "no early stopping: --grace is as long as a trial"
    rungs = ", ".join(map(str, plan.rungs()))
    return f"ASHA compares val_f1 after {rungs} epochs; the best 1 in {plan.reduction} goes on"


def _worst_case(plan: Plan) -> list[str]:
    trials = plan.budget.trials
    if trials is None:
        return []
    return [
        f"at most {trials} trials x {plan.epochs} epochs = {trials * plan.epochs} epochs; "
        f"about {_likely_epochs(plan, trials)} if ASHA stops what it can"
    ]


def _point_text(point: Point) -> str:
    return ", ".join(f"{key.split('/')[1]} {_number(value)}" for key, value in point.items())


def _difference(point: Point, other: Point) -> Point:
    return {key: value for key, value in point.items() if value != other[key]}


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _differences(plan: Plan) -> list[str]:
    """Settings away from the reference recipe, with the recipe's value."""
    recipe = TrialConfig().to_flat()
    changed = [key for key, value in plan.settings.items() if value != recipe[key]]
    if not changed:
        return ["nothing differs from the reference recipe"]
    return [f"{key:<24} {plan.settings[key]}  (reference {recipe[key]})" for key in changed]


def _likely_epochs(plan: Plan, trials: int) -> int:
    """Epochs if one in `reduction` passes each rung: the usual estimate for successive halving."""
    total, alive, done = 0.0, float(trials), 0
    for rung in (*plan.rungs(), plan.epochs):
        total, alive, done = total + alive * (rung - done), max(1.0, alive / plan.reduction), rung
    return round(total)
