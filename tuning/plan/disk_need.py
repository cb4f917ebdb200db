"""How much disk a search takes at most."""

from __future__ import annotations

from trainable.archs import ARCHS
from tuning.plan.plan import Plan


def disk_gb(plan: Plan) -> float:
    """Peak disk of a search, in GB (1e9 bytes): the weights of the trials kept, and what those that run need."""
    return weights_gb(plan) + trial_gb(plan) * plan.resources.concurrent


def weights_gb(plan: Plan) -> float:
    """GB of the weights of the trials kept."""
    return ARCHS[plan.config(plan.space.start[0]).model.arch].gigabytes * _kept(plan)


def trial_gb(plan: Plan) -> float:
    """GB of one slot: the weights of the trial that runs and of the one that has just ended (`sweeper.SETTLED`), and of
    each five checkpoints: those that two states and two older ones name, and one being written.

    A checkpoint holds the weights, the optimizer's one or two moments, the average of the weights where there is one,
    and the best epoch's weights.
    """
    config = plan.config(plan.space.start[0])
    weights = ARCHS[config.model.arch].gigabytes
    checkpoint = weights * (2 + (2 if config.optimizer.name == "adamw" else 1) + (config.train.ema > 0))
    return 2 * (weights + 5 * checkpoint)


def _kept(plan: Plan) -> int:
    return plan.keep if plan.budget.trials is None else min(plan.keep, plan.budget.trials)
