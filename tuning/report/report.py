"""The report of a search, or of several side by side: one page for a browser, which opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from common.files import write_text
from common.page.page import Page
from common.search_folder import SEARCH_REPORT
from common.wording import counted
from tuning.report import best, curves, leaders, made_of, settings
from tuning.report.searched import Searched


def write(searches: Sequence[Searched], file: Path) -> None:
    """Write the report to `file`, whole or not at all."""
    write_text(file, page(searches).html(), flushed=False)


def write_of(folder: Path) -> Path:
    """Write the report of the search in a folder into it.

    Raises:
        SearchError: no search is there. OSError: it cannot be written.
    """
    file = folder / SEARCH_REPORT
    write([Searched.read(folder)], file)
    return file


def page(searches: Sequence[Searched]) -> Page:
    """Make the report of one or more searches."""
    several = len(searches) > 1
    sections = [
        *([leaders.cost(searches), best.against(searches)] if several else []),
        leaders.progress(searches),
        *(leaders.board(search, several) for search in searches),
        *(curves.section(search, several) for search in searches),
        *(settings.section(search, several) for search in searches),
        *(best.section(search, several) for search in searches),
        *([] if several else [leaders.cost(searches)]),
        made_of.failures(searches),
        made_of.origins(searches),
    ]
    names = ", ".join(search.name for search in searches)
    return Page(f"The searches {names}" if several else f"The search {names}", _lead(searches), sections)


def _lead(searches: Sequence[Searched]) -> str:
    runs = any(search.runs for search in searches)
    now = f"This page was written on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC"
    more = f"{now} and is written anew while the search runs: load it again." if len(searches) == 1 else f"{now}."
    return " ".join([*map(_in_words, searches), more if runs else f"{now}."])


def _in_words(search: Searched) -> str:
    found = search.scored
    if not found:
        return f"{search.name} is {search.state}; no trial has a score yet."
    top = found[0]
    interval = f" ({top.low:.3f} to {top.high:.3f})" if top.low is not None and top.high is not None else ""
    return (
        f"{search.name} is {search.state}: {counted(len(search.rows), 'trial')}, of which {top.trial} is best with a "
        f"val F1 of {top.val_f1_best:.3f}{interval}."
    )
