"""The searches under --runs: how far each is, what it has found, and what it has cost."""

from __future__ import annotations

import csv
import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from rich.table import Table

from common import search_state, uris
from common.errors import OptionError, SearchError, UriError
from common.remote_folder import RemoteFolder
from common.search_folder import LEADERBOARD, SEARCH
from common.search_record import SearchRecord, State
from common.security import terminal
from tuning.ownership import signs
from tuning.records import leaderboard

KILLED = "killed"
"""The state of a search whose process has ended without a word."""

COLUMNS = ("search", "state", "best F1", "trials", "epochs", "hours", "GPU-hours", "started")


@dataclass(frozen=True)
class Listed:
    """A search in a line.

    Attributes:
        state: as in search.json, or KILLED.
        best: the highest macro F1 on val of its trials; None before the first epoch.
        spent: as in search.json: trials, epochs, hours, gpu_hours, gpu_hours_saved.
        started: ISO 8601 in UTC.
    """

    search: str
    state: str
    best: float | None
    spent: dict[str, Any]
    started: str


def show(runs: Path | str, answer: TextIO | None) -> int:
    """Print the searches under `runs`, a folder or an address, the newest first; as JSON to `answer`, where there is
    one."""
    found, damaged = searches(runs)
    if answer:
        terminal.say(json.dumps([dataclasses.asdict(each) for each in found]), answer)
    elif found:
        leaderboard.show(table(found, f"Searches in {runs}"))
    elif not damaged:
        terminal.say(f"{runs} holds no search yet.")
    for line in damaged:
        terminal.say(f"Note: {terminal.plain(line)}.")
    return 0


def searches(runs: Path | str) -> tuple[list[Listed], list[str]]:
    """Find the searches under `runs`, the newest first, and say which of them cannot be read.

    Raises:
        OptionError: there is no such folder. UriError: the address cannot be read.
    """
    found, damaged = [], []
    for name in sorted(_names(runs)):
        try:
            each = _there(runs, name) if isinstance(runs, str) else _here(runs / name)
        except (OSError, ValueError, KeyError, SearchError, UriError) as error:
            damaged.append(f"{name} cannot be read ({error})")
            continue
        found.extend([each] if each else [])
    return sorted(found, key=lambda each: each.started, reverse=True), damaged


def table(found: list[Listed], title: str) -> Table:
    """Make a table of them; the best is not marked, since only those on one store compare."""
    result = Table(title=terminal.cell(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    for number, column in enumerate(COLUMNS):
        result.add_column(column, justify="left" if number < 2 else "right", no_wrap=True)
    for each in found:
        best = "" if each.best is None else f"{each.best:.3f}"
        trials, epochs = (str(each.spent.get(name, "")) for name in ("trials", "epochs"))
        hours, gpu_hours = (f"{each.spent.get(name, 0):.2f}" for name in ("hours", "gpu_hours"))
        started = each.started[:16].replace("T", " ")
        cells = (each.search, each.state, best, trials, epochs, hours, gpu_hours, started)
        result.add_row(*map(terminal.cell, cells))
    return result


def _names(runs: Path | str) -> list[str]:
    if isinstance(runs, str):
        try:
            return list(RemoteFolder.of(runs).names())
        except OSError as error:
            raise uris.refused(runs, error, "read") from None
    if not runs.is_dir():
        raise OptionError(f"--runs {runs}: no such folder; it is made by the first search")
    return [each.name for each in runs.iterdir() if search_state.holds_search(each)]


def _here(folder: Path) -> Listed:
    record = SearchRecord.read(folder)
    rows = leaderboard.read(folder)
    scores = [row.val_f1_best for row in rows if row.val_f1_best is not None]
    dead = record.state == State.RUNNING and not signs.lives(folder)
    return _listed(folder.name, record, max(scores, default=None), KILLED if dead else None)


def _there(runs: str, name: str) -> Listed | None:
    """Read what people are shown of a search at an address: its states are gigabytes away."""
    folder = RemoteFolder.of(uris.child(runs, name))
    text, board = folder.read(SEARCH), folder.read(LEADERBOARD)
    if text is None:
        return None
    best = next(csv.DictReader((board or b"").decode().splitlines()), {}).get("val_f1_best")
    return _listed(name, SearchRecord.of(text), float(best) if best else None)


def _listed(name: str, record: SearchRecord, best: float | None, state: str | None = None) -> Listed:
    return Listed(name, state or record.state or "", best, dict(record.spent), record.started)
