"""A search that runs, as a person sees it: how far it is in one line, and its trials in a table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from rich.table import Table

from common.wording import counted, things
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan
from tuning.plan.resources import price, unit
from tuning.records import leaderboard
from tuning.records.cost import hours_left, saved_hours
from tuning.records.rows import ENDED, Row

SHOWN = 20
"""Rows of the table: running trials first, then the best."""


def table(rows: Sequence[Row], plan: Plan, spent: Spent, width: int) -> Table:
    """Make a table of the trials for a terminal of `width` columns, under `summary`."""
    order = sorted(rows, key=lambda row: (row.status != "running", -(row.val_f1_best or 0)))
    return leaderboard.table(order[:SHOWN], summary(rows, plan, spent), width)


def summary(rows: Sequence[Row], plan: Plan, spent: Spent, now: datetime | None = None) -> str:
    """Say in one line how far the search is, what it has cost, what stopping has saved, and when it will be done."""
    budget, gpus, ended = plan.budget, plan.resources.gpus, sum(row.status in ENDED for row in rows)
    parts = [
        f"{ended}{_of(budget.trials)} {things(budget.trials or ended, 'trial')} done",
        counted(sum(row.epochs for row in rows), "epoch"),
        f"{_clock(spent.hours)}{_of(budget.hours)} h",
        f"{spent.gpu_hours:.2f}{_of(budget.gpu_hours)} {unit(gpus)}",
        f"{saved_hours(rows, plan.epochs) * price(gpus):.2f} saved by stopping",
    ]
    left = hours_left(rows, plan.epochs, budget, spent)
    if left:  # none is left of a search that has ended
        end = (now or datetime.now()) + timedelta(hours=left)
        parts.append(f"done about {end:%H:%M}" if left < 20 else f"done about {end:%a %d %b %H:%M}")
    return ", ".join(parts)


def _of(limit: float | None) -> str:
    return "" if limit is None else f" of {limit:g}"


def _clock(hours: float) -> str:
    """Hours -> h:mm:ss."""
    minutes, seconds = divmod(int(hours * 3600), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
