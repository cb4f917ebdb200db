"""The learning rate: cosine warm restarts whose peak decays, as a pure function of the fractional epoch."""

from __future__ import annotations

import math

from trainable.config import Schedule


def position(epoch: float, schedule: Schedule) -> tuple[int, float, int]:
    """Fractional epoch from 0 -> (cycle, epochs since it began, its length in epochs)."""
    cycle, step, length = 0, epoch, schedule.cycle
    while step >= length:
        step -= length
        cycle += 1
        length = int((length - schedule.warmup) * schedule.multiplier) + schedule.warmup
    return cycle, step, length


def learning_rate(epoch: float, schedule: Schedule) -> float:
    """The rate at a fractional epoch counted from 0; meant to be asked at every step.

    Each cycle climbs in a straight line from min_lr to its peak, max_lr * decay^cycle, and falls back along half
    a cosine (Loshchilov & Hutter, SGDR, 2017). A peak that has decayed below min_lr stays at min_lr.
    """
    cycle, step, length = position(epoch, schedule)
    floor = schedule.min_lr
    peak = max(floor, schedule.max_lr * schedule.decay**cycle)
    if step < schedule.warmup:
        return floor + (peak - floor) * step / schedule.warmup
    angle = math.pi * (step - schedule.warmup) / (length - schedule.warmup)
    return floor + (peak - floor) * (1 + math.cos(angle)) / 2
