"""How much disk a search takes at most."""

from __future__ import annotations

from tuning.plan.plan import Plan

WEIGHTS_GB = {
    "resnet50": 0.095,
    "resnet18": 0.045,
    "resnext50_32x4d": 0.093,
    "efficientnet_b4": 0.071,
    "convnext_tiny": 0.112,
}
"""float32, with 18 outputs."""


def disk_gb(plan: Plan) -> float:
    """Peak disk of a search, in GB (1e9 bytes): the weights of the trials kept, and what those that run need."""
    return (
        WEIGHTS_GB[plan.config(plan.space.start[0]).model.arch] * _kept(plan)
        + trial_gb(plan) * plan.resources.concurrent
    )


def trial_gb(plan: Plan) -> float:
    """GB of one slot: the weights of the trial that runs and of the one that has just ended (`sweeper.SETTLED`),
    and of each two checkpoints and a third being written.

    A checkpoint holds the weights, the optimizer's one or two moments, the average of the weights where there is one,
    and the best epoch's weights.
    """
    config = plan.config(plan.space.start[0])
    weights = WEIGHTS_GB[config.model.arch]
    checkpoint = weights * (2 + (2 if config.optimizer.name == "adamw" else 1) + (config.train.ema > 0))
    return 2 * (weights + 3 * checkpoint)


def _kept(plan: Plan) -> int:
    return plan.keep if plan.budget.trials is None else min(plan.keep, plan.budget.trials)
