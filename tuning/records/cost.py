"""What a search has saved by stopping trials early, and when it will be done."""

from __future__ import annotations

from collections.abc import Sequence

from tuning.plan.budget import Budget, Spent
from tuning.records.rows import ENDED, Row


def saved_hours(rows: Sequence[Row], epochs: int) -> float:
    """Hours of trials' time that the epochs of stopped trials which never ran would have taken at their own pace."""
    stopped = [row for row in rows if row.status == "stopped" and row.epochs]
    return sum((epochs - row.epochs) * row.seconds / row.epochs for row in stopped) / 3600


def hours_left(rows: Sequence[Row], epochs: int, budget: Budget, spent: Spent) -> float | None:
    """Hours until the search ends, if trials to come are as long as those that ended; None before there is a guess.

    An epoch counts with what it really took, start-up and checkpoints included: hours spent by epochs done.
    """
    limits = []
    if budget.hours is not None:
        limits.append(budget.hours - spent.hours)
    if budget.gpu_hours is not None and spent.gpu_hours and spent.hours:
        limits.append((budget.gpu_hours - spent.gpu_hours) * spent.hours / spent.gpu_hours)
    done = sum(row.epochs for row in rows)
    if budget.trials is not None and done:
        limits.append(_epochs_left(rows, epochs, budget.trials) * spent.hours / done)
    return max(0.0, min(limits)) if limits else None


def _epochs_left(rows: Sequence[Row], epochs: int, trials: int) -> float:
    """Epochs that running trials and those not started have before them, if they are as long as those that ended."""
    ended = [row.epochs for row in rows if row.status in ENDED]
    mean = sum(ended) / len(ended) if ended else float(epochs)
    running = sum(max(1.0, mean - row.epochs) for row in rows if row.status not in ENDED)
    return running + (trials - len(rows)) * mean
