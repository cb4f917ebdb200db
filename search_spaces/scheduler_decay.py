"""The warm-restart schedule: peak and floor of the learning rate, cycle, its multiplier, warm-up, decay of the peak.

    python tune_main.py --space scheduler_decay

The peak decides most, and its best value depends on the optimizer: around 0.01 for SGD on ImageNet weights, around
0.001 for AdamW from scratch. A decay of 1 restarts at the same height every time; a long cycle never restarts.
"""

from optuna.distributions import FloatDistribution, IntDistribution

SPACE = {
    "schedule/max_lr": FloatDistribution(3e-4, 1e-1, log=True),
    "schedule/min_lr": FloatDistribution(1e-6, 1e-4, log=True),
    "schedule/cycle": IntDistribution(6, 40),
    "schedule/multiplier": FloatDistribution(1.0, 2.0),
    "schedule/warmup": IntDistribution(0, 5),
    "schedule/decay": FloatDistribution(0.2, 1.0),
}

FIXED: dict[str, object] = {}


def _schedule(peak: float, cycle: int, multiplier: float, decay: float) -> dict[str, float]:
    return {
        "schedule/max_lr": peak,
        "schedule/min_lr": 1e-5,
        "schedule/cycle": cycle,
        "schedule/multiplier": multiplier,
        "schedule/warmup": 5,
        "schedule/decay": decay,
    }


START = [
    _schedule(0.01, 20, 1.0, 0.5),  # the reference recipe
    _schedule(0.01, 20, 1.0, 0.8),  # restarts that stay high
    _schedule(0.01, 10, 2.0, 0.5),  # short cycles first, then longer ones
    _schedule(0.003, 20, 1.0, 0.5),
]
