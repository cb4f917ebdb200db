"""Prints how a search ended, as `ending` puts it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.table import Table

from common.security import terminal
from tuning.command.ending import ending, summary
from tuning.plan.plan import Plan
from tuning.records.leaderboard import console, show
from tuning.records.rows import Row


def finish(plan: Plan, rows: Sequence[Row], answer: TextIO | None = None) -> int:
    """Say how a search ended, or a confirmation and what it found; and to `answer`, where there is one, as JSON.

    Returns:
        the exit code.

    Raises:
        SearchError: what was wrong with the search as a whole.
    """
    ended = ending.of_search(plan, rows, console().width)
    _print(ended.lines)
    if ended.compares:
        _print(ending.of_confirmation(plan, rows).lines)
    if answer:
        terminal.say(summary.line(plan, rows, ended), answer)
    if ended.error:
        raise ended.error
    return ended.code


def _print(lines: Sequence[Table | str]) -> None:
    """Tables through rich, texts as they are: rich would break and mark them."""
    for line in lines:
        if isinstance(line, str):
            terminal.say(line)
        else:
            show(line)
