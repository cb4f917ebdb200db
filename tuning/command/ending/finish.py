"""Prints how a search ended, as `ending` puts it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from rich.table import Table

from common.errors import MasktuneError
from common.security import terminal
from tuning.command.ending import ending, summary
from tuning.plan.plan import Plan
from tuning.records import search_json
from tuning.records.leaderboard import console, show
from tuning.records.rows import Row
from tuning.report import report
from tuning.storage import home


def finish(plan: Plan, rows: Sequence[Row], answer: TextIO | None = None) -> int:
    """Say how a search ended, or a confirmation and what it found; and to `answer`, where there is one, as JSON. A
    search of its own has a report from then on.

    Returns:
        the exit code.

    Raises:
        SearchError: what was wrong with the search as a whole.
    """
    ended = ending.of_search(plan, rows, console().width)
    _print(ended.lines)
    if ended.compares:
        _print(ending.of_confirmation(plan, rows).lines)
    if rows and not search_json.read(plan.folder).trains_again:
        _report(plan)
    if answer:
        terminal.say(summary.line(plan, rows, ended), answer)
    if ended.error:
        raise ended.error
    return ended.code


def _report(plan: Plan) -> None:
    """Write the report, which only shows the search: where it cannot be written, that is said."""
    try:
        file = report.write_of(plan.folder)
        home.of(plan).keep(file)
    except (OSError, MasktuneError) as error:
        terminal.say(f"Note: the report cannot be written ({terminal.plain(error)}).")
    else:
        terminal.say(f"\nThe report, for a browser: {terminal.plain(os.path.relpath(file))}")


def _print(lines: Sequence[Table | str]) -> None:
    """Tables through rich, texts as they are: rich would break and mark them."""
    for line in lines:
        if isinstance(line, str):
            terminal.say(line)
        else:
            show(line)
