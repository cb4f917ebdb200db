"""A plan in words, for the person who is about to run it."""

from __future__ import annotations

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from common.wording import counted, duration, things
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
    others = len(plan.space.start) - 1
    lines = [
        f"Search {plan.name}: {plan.space.about}",
        f"Task: {task.in_words()}",
        "",
        "Varies",
        *(f"  {key:<24} {range_text(values)}" for key, values in plan.space.distributions.items()),
        f"Tried first: {'what the profile says' if plan.profile.leads else 'the reference recipe'}, then "
        f"{counted(others, 'point')} that {things(others, 'differs', 'differ')} from it in",
        f"  {_point_text(plan.space.start[0])}",
        *(f"  {_point_text(_difference(point, plan.space.start[0]))}" for point in plan.space.start[1:]),
        f"Fixed, profile {plan.profile.name} ({plan.profile.about})",
        *(f"  {text}" for text in _differences(plan)),
        "Runs",
        f"  {_share(plan) if seen else 'as many trials at a time as fit on the cluster, which was not asked'}",
        *(f"  {text}" for text in _execution(plan)),
        f"  {_stopping(plan)}",
        f"  ends after {budget_in_words(plan)}",
        *(f"  {text}" for text in [_length(plan, seen)] if text),
        f"  {_disk(plan, seen)}",
    ]
    return "\n".join(lines)


def again_in_words(seeds: int | None, folds: int | None) -> str:
    """How a confirmation trains its candidates again: "3 fresh seeds"."""
    return f"{counted(folds, 'fold')} of people" if folds else counted(seeds or 1, "fresh seed")


def confirmation_in_words(plan: Plan, best: int, seeds: int | None, folds: int | None) -> str:
    """What a confirmation after the search costs at most, for a person."""
    trials = min(best, plan.budget.trials or best) * (folds or seeds or 1)
    length = f"{counted(plan.epochs, 'epoch')} = {counted(trials * plan.epochs, 'epoch')}"
    return (
        f"Then the {best} best {things(best, 'is', 'are')} trained again with {again_in_words(seeds, folds)}: at most "
        f"{counted(trials, 'trial')} x {length}, none stopped early"
    )


def _share(plan: Plan) -> str:
    return f"one trial on {trial_in_words(plan.resources)}; {plan.resources.concurrent} at a time"


def _disk(plan: Plan, seen: bool) -> str:
    where = f"{'at' if plan.remote else 'on disk under'} {plan.where}"
    kept = f"the weights of {counted(_kept(plan), 'trial')}"
    if seen:
        return f"at most {disk_gb(plan):.1f} GB {where}: {kept}, up to five checkpoints of each running one"
    return f"at most {weights_gb(plan):.1f} GB {where}: {kept}; and {trial_gb(plan):.1f} GB more for each running one"


def budget_in_words(plan: Plan) -> str:
    """The budget in words: "50 trials, 10 GPU-hours"."""
    budget = plan.budget
    of_time = unit(plan.resources.gpus).removesuffix("s")
    named = ((budget.trials, "trial"), (budget.hours, "hour"), (budget.gpu_hours, of_time))
    return " or ".join(counted(value, name) for value, name in named if value is not None)


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
    of = things(plan.rungs()[-1], "epoch")
    return f"ASHA compares val_f1 after {rungs} {of}; the best 1 in {plan.reduction} goes on"


def _length(plan: Plan, seen: bool) -> str:
    """Say how much will be trained by the trials that may start, or by the time there is: whichever ends the search.

    How long an epoch takes nobody knows before the first: where time is limited, a minute is assumed.
    """
    trials, time = plan.budget.trials, _time(plan, seen)
    if time is None:
        return "" if trials is None else _by_trials(plan, trials)
    (limit, what), hours = time
    if trials is None:
        return f"if an epoch takes a minute, time for {_by_time(plan, hours)}"
    minutes = hours * 60 / _likely_epochs(plan, trials)  # with an epoch as long as this both would end it
    if minutes >= 1:
        unless = f"unless an epoch takes over {duration(60 * minutes)}"
        return f"{_by_trials(plan, trials)}; that ends the search, not its {counted(limit, what)}, {unless}"
    ends = f"{counted(limit, what)} {things(limit, 'ends', 'end')} the search"
    return f"if an epoch takes a minute, {ends}: time for {_by_time(plan, hours, trials)}"


def _by_trials(plan: Plan, trials: int) -> str:
    epochs = counted(plan.epochs, "epoch")
    if trials == points.count(plan.space.distributions):
        which = f"each of the space's {trials} points" if trials > 1 else "the space's one point"
        return f"{which} once, up to {epochs}"
    likely = f"; about {_likely_epochs(plan, trials)} if ASHA stops what it can" if plan.rungs() else ""
    return f"at most {counted(trials, 'trial')} x {epochs} = {counted(trials * plan.epochs, 'epoch')}{likely}"


def _by_time(plan: Plan, hours: float, of: int | None = None) -> str:
    """Say how many trials, `of` so many, so many hours of trials are enough for."""
    epochs = hours * 60
    whole = round(epochs / plan.epochs)
    trials = counted(whole, "trial") if of is None else f"{whole} of {counted(of, 'trial')}"
    likely = (
        f", about {epochs * MANY / _likely_epochs(plan, MANY):.0f} if ASHA stops what it can" if plan.rungs() else ""
    )
    return f"{trials} x {counted(plan.epochs, 'epoch')}{likely}"


def _time(plan: Plan, seen: bool) -> tuple[tuple[float, str], float] | None:
    """Find the limit of time that is reached first, in words, and how many hours of trials it allows."""
    budget, resources = plan.budget, plan.resources
    found = []
    if budget.gpu_hours:
        limit = budget.gpu_hours, unit(resources.gpus).removesuffix("s")
        found.append((limit, budget.gpu_hours / price(resources.gpus)))
    if budget.hours and seen:
        found.append(((budget.hours, "hour"), budget.hours * resources.concurrent))
    return min(found, key=lambda each: each[1], default=None)


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
