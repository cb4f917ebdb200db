"""The searches under --runs: how far each is, what it has found, and what it has cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TextIO

from rich.table import Table

from common import search_state
from common.addresses import uris
from common.addresses.remote_folder import RemoteFolder
from common.errors import OptionError, SearchError, UriError
from common.search_folder import SEARCH
from common.security import terminal
from tuning.records import leaderboard
from tuning.records.look import Look

COLUMNS = ("search", "state", "best F1", "trials", "epochs", "hours", "GPU-hours", "started")


def show(runs: Path | str, answer: TextIO | None) -> int:
    """Print the searches under `runs`, a folder or an address, the newest first; as JSON to `answer`, where there is
    one.

    Raises:
        OptionError: there is no such folder. UriError: the address cannot be read.
    """
    found: dict[str, Look] = {}
    names = sorted(_names(runs))
    for name in names:
        try:
            found[name] = Look.at(uris.child(runs, name) if isinstance(runs, str) else runs / name)
        except (SearchError, UriError) as error:
            terminal.say(f"Note: {terminal.plain(error)}.")
    found = dict(sorted(found.items(), key=lambda each: each[1].record.started, reverse=True))
    if answer:
        terminal.say(json.dumps([_about(name, seen) for name, seen in found.items()]), answer)
    elif found:
        terminal.say(f"Searches in {terminal.plain(runs)}")
        leaderboard.show(_table(found))
        for name, seen in found.items():
            if seen.note:
                told = terminal.plain(f"{name}: {seen.note}")
                terminal.say(f"Note: {told}. Whether it lives is told within a minute by tuning.watch.")
    elif not names:
        terminal.say(f"{runs} holds no search yet.")
    return 0


def _names(runs: Path | str) -> list[str]:
    if isinstance(runs, str):
        try:
            there = RemoteFolder.of(runs)
            return [name for name in there.names() if there.entry(f"{name}/{SEARCH}")]
        except OSError as error:
            raise uris.refused(runs, error, "read") from None
    if not runs.is_dir():
        raise OptionError(f"--runs {runs}: no such folder; it is made by the first search")
    return [each.name for each in runs.iterdir() if search_state.holds_search(each)]


def _about(name: str, seen: Look) -> dict[str, Any]:
    record = seen.record
    return {
        "search": name,
        "state": seen.state,
        "silent_s": round(seen.silence) if seen.note else None,
        "best": _best(seen),
        "spent": record.spent,
        "started": record.started,
        "store": record.store,
    }


def _table(found: dict[str, Look]) -> Table:
    """Make a table of them. None is marked as the best: only those on one store can be compared."""
    result = Table(header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(COLUMNS):
        result.add_column(column, justify="left" if number < 2 else "right", no_wrap=True)
    for name, seen in found.items():
        spent, best = seen.record.spent, _best(seen)
        score = "" if best is None else f"{best:.3f}"
        hours, gpu_hours = f"{spent.get('hours', 0):.2f}", f"{spent.get('gpu_hours', 0):.2f}"
        started = seen.record.started[:16].replace("T", " ")
        cells = (name, seen.state, score, spent.get("trials", ""), spent.get("epochs", ""), hours, gpu_hours, started)
        result.add_row(*map(terminal.cell, cells))
    return result


def _best(seen: Look) -> float | None:
    return max((row.val_f1_best for row in seen.rows if row.val_f1_best is not None), default=None)
