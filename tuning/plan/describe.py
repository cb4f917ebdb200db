"""A plan in words, for the person who is about to run it."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from data_prep.task import Task
from trainable.config import TrialConfig
from tuning.plan import points
from tuning.plan.disk_need import _kept, disk_gb, trial_gb, weights_gb
from tuning.plan.plan import Plan
from tuning.plan.resources import price, trial_in_words, unit
from tuning.plan.spaces import Point

MANY = 1000
"""Trials of which an average is told."""


def in_words(plan: Plan, task: Task, seen: bool = True) -> str:
    """What is about to run, for a person: the space, the starting points, the profile, resources and cost.

    Args:
        seen: what trials would run on is known; a cluster that was not joined is not.
    """
    lines = [
        f"Search {plan.name}: {plan.space.about}",
        f"Task: {task.in_words()}",
        "",
        "Varies",
        *(f"  {key:<24} {range_text(values)}" for key, values in plan.space.distributions.items()),
        f"Tried first: {'what the profile says' if plan.profile.leads else 'the reference recipe'}, then "
        f"{len(plan.space.start) - 1} points that differ from it in",
        f"  {_point_text(plan.space.start[0])}",
        *(f"  {_point_text(_difference(point, plan.space.start[0]))}" for point in plan.space.start[1:]),
        f"Fixed, profile {plan.profile.name} ({plan.profile.about})",
        *(f"  {text}" for text in _differences(plan)),
        "Runs",
        f"  {_share(plan) if seen else 'as many trials at a time as fit on the cluster, which was not asked'}",
        *(f"  {text}" for text in _execution(plan)),
        f"  {_stopping(plan)}",
        f"  ends after {budget_in_words(plan)}",
        *(f"  {text}" for text in (*_worst_case(plan), *_in_time(plan, seen))),
        f"  {_disk(plan, seen)}",
    ]
    return "\n".join(lines)


def again_in_words(seeds: int | None, folds: int | None) -> str:
    """How a confirmation trains its candidates again: "3 fresh seeds"."""
    return f"{folds} folds of people" if folds else f"{seeds} fresh seeds"


def confirmation_in_words(plan: Plan, best: int, seeds: int | None, folds: int | None) -> str:
    """What a confirmation after the search costs at most, for a person."""
    trials = min(best, plan.budget.trials or best) * (folds or seeds or 1)
    return (
        f"Then the {best} best are trained again with {again_in_words(seeds, folds)}: at most {trials} trials x "
        f"{plan.epochs} epochs = {trials * plan.epochs} epochs, none stopped early"
    )


def _share(plan: Plan) -> str:
    return f"one trial on {trial_in_words(plan.resources)}; {plan.resources.concurrent} at a time"


def _disk(plan: Plan, seen: bool) -> str:
    where = f"{'at' if plan.remote else 'on disk under'} {plan.where}"
    kept = f"the weights of {_kept(plan)} trials"
    if seen:
        return f"at most {disk_gb(plan):.1f} GB {where}: {kept}, up to five checkpoints of each running one"
    return f"at most {weights_gb(plan):.1f} GB {where}: {kept}; and {trial_gb(plan):.1f} GB more for each running one"


def budget_in_words(plan: Plan) -> str:
    """The budget in words: "50 trials, 10 GPU-hours"."""
    budget = plan.budget
    named = ((budget.trials, "trials"), (budget.hours, "hours"), (budget.gpu_hours, unit(plan.resources.gpus)))
    return " or ".join(f"{value:g} {name}" for value, name in named if value is not None)


def range_text(distribution: BaseDistribution) -> str:
    """`IntDistribution(27, 32)` -> "27 .. 32"."""
    if isinstance(distribution, CategoricalDistribution):
        return " | ".join(map(str, distribution.choices))
    assert isinstance(distribution, IntDistribution | FloatDistribution)
    return f"{distribution.low:g} .. {distribution.high:g}" + (" (log)" if distribution.log else "")


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
    if trials == points.count(plan.space.distributions):
        return [f"each of the space's {trials} points once, up to {plan.epochs} epochs"]
    likely = f"; about {_likely_epochs(plan, trials)} if ASHA stops what it can" if plan.rungs() else ""
    return [f"at most {trials} trials x {plan.epochs} epochs = {trials * plan.epochs} epochs{likely}"]


def _in_time(plan: Plan, seen: bool) -> list[str]:
    """How many trials the hours are enough for: how long an epoch takes nobody knows before the first."""
    budget, resources = plan.budget, plan.resources
    hours = [budget.gpu_hours / price(resources.gpus)] if budget.gpu_hours else []
    if budget.hours and seen:
        hours.append(budget.hours * resources.concurrent)
    if not hours:
        return []
    epochs = min(hours) * 60
    likely = (
        f", about {epochs * MANY / _likely_epochs(plan, MANY):.0f} if ASHA stops what it can" if plan.rungs() else ""
    )
    return [f"if an epoch takes a minute, time for {epochs / plan.epochs:.0f} trials x {plan.epochs} epochs{likely}"]


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
