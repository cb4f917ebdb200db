"""leaderboard.csv of a search folder, and the same as a table for the terminal."""

from __future__ import annotations

import io
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from common import search_state
from common.errors import SearchError
from common.files import write_text
from common.search_folder import LEADERBOARD, STATE
from common.security import spreadsheet
from common.security.regular_file import TABLE, read_bytes
from common.security.terminal import cell
from tuning.records.rows import INTERVAL, Row, from_json, ranked, short

COLUMNS = ("rank", "trial", "status", "val_f1_best", "low", "high", "best_epoch", "epochs", "seconds")

COLUMN_WIDTHS = {"trial": 10, "status": 11, "epoch": 5, "val F1": 6, "best": 5, "95%": 14, "at": 3, "min": 5}
"""What the terminal is told of each trial, in this order, and how wide that is."""

IF_ROOM = "95%"
"""What it is told only where everything else has its place."""

IMPORTANCE = ("trial", "best", "status", "epoch", "val F1", "min", "at")
"""What a narrow terminal shows first."""

LONGEST_NAME = 16
"""Letters of a setting's name in the head of its column."""

GAP, MOST_COLUMNS = 2, 1000


def frame(rows: list[Row]) -> pd.DataFrame:
    """One line a trial, best first: COLUMNS, then what the search varies by its flat keys."""
    lines = [
        {
            "rank": rank,
            "trial": row.trial,
            "status": row.status,
            "val_f1_best": row.val_f1_best,
            "low": row.low,
            "high": row.high,
            "best_epoch": row.best_epoch,
            "epochs": row.epochs,
            "seconds": round(row.seconds, 1),
            **row.settings,
        }
        for rank, row in enumerate(ranked(rows), start=1)
    ]
    return pd.DataFrame(lines).astype({"best_epoch": "Int64"}) if lines else pd.DataFrame(columns=list(COLUMNS))


def write(folder: Path, rows: list[Row], *, flushed: bool = False) -> None:
    """Write leaderboard.csv, for people and their programs: nothing here reads it."""
    write_text(folder / LEADERBOARD, spreadsheet.safe(frame(rows)).to_csv(index=False), flushed=flushed)


def read(folder: Path) -> list[Row]:
    """The rows of the search in `folder`, best first, from its newest state; of a search of a version before from what
    `write` wrote.

    Raises:
        SearchError: they cannot be read.
    """
    try:
        kept = search_state.trials_of(folder)
        if kept is not None:
            return ranked(map(from_json, kept["trials"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SearchError(f"{folder / STATE} cannot be read ({error}); go on with the search") from None
    return _read_csv(folder / LEADERBOARD)


def of_csv(content: bytes) -> list[Row]:
    """The rows of a leaderboard.csv. Raises ValueError, KeyError: it is none."""
    text, separator = spreadsheet.csv_text(content)
    table = spreadsheet.restored(pd.read_csv(io.StringIO(text), sep=separator))
    if separator == ";":  # saved again by a spreadsheet of a country where 0.5 is written 0,5
        table = table.apply(_with_points)
    _check(table)
    board = table.astype(object).where(lambda cells: cells.notna(), None)
    keys = [name for name in board.columns if name not in COLUMNS]
    return [
        Row(
            trial=line["trial"],
            status=line["status"],
            val_f1_best=line["val_f1_best"],
            best_epoch=line["best_epoch"],
            val_f1=None,
            epochs=line["epochs"],
            seconds=line["seconds"],
            settings={key: line[key] for key in keys},
            low=line.get("low"),
            high=line.get("high"),
        )
        for line in board.to_dict("records")
    ]


def _with_points(column: pd.Series) -> pd.Series:
    with suppress(AttributeError, ValueError):  # numbers already, or a text
        return pd.to_numeric(column.str.replace(",", "."))
    return column


def _read_csv(file: Path) -> list[Row]:
    try:
        return of_csv(read_bytes(file, TABLE))
    except (OSError, ValueError, KeyError) as error:
        raise SearchError(f"{file} cannot be read ({error}); go on with the search, which writes it anew") from None


def _check(board: pd.DataFrame) -> None:
    """Raises ValueError: a cell that is none of a leaderboard's. KeyError: a column that is not there."""
    # A version before wrote no interval.
    for name in ("val_f1_best", "best_epoch", "epochs", "seconds", *(each for each in INTERVAL if each in board)):
        pd.to_numeric(board[name])
    for name in ("trial", "status"):
        if len(board) and (board[name].isna().any() or not pd.api.types.is_string_dtype(board[name])):
            raise ValueError(f"{name}: a name is needed in every row")
    if strange := [name for name in board.columns if name not in COLUMNS and name.count("/") != 1]:
        raise ValueError(f"{strange[0]!r} is no column of a leaderboard")


def table(rows: list[Row], title: str, width: int = 160) -> Table:
    """A rich table for a terminal of `width` columns; the best trial is bold and has a star. What does not fit is left
    out, not cut: searched settings, under their short names, that are equal in every row go first, then what tells
    least of a trial."""
    always = {name: wide for name, wide in COLUMN_WIDTHS.items() if name != IF_ROOM}
    about = _fitting(always, width)
    keys = sorted(rows[0].settings, key=lambda key: _is_equal(rows, key)) if rows else []
    room = width - sum(COLUMN_WIDTHS[name] + GAP for name in about)
    widths = {key: max(5, len(_short_name(key))) for key in keys}
    shown = _fitting(widths, room) if len(about) == len(always) else []
    if any(row.low is not None for row in rows) and len(shown) == len(keys):
        about += _fitting({IF_ROOM: COLUMN_WIDTHS[IF_ROOM]}, room - sum(widths[key] + GAP for key in shown))
    result = Table(title=cell(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    result.caption, result.caption_justify = _hidden(rows, [key for key in keys if key not in shown]), "left"
    for name in (name for name in COLUMN_WIDTHS if name in about):
        left = name in ("trial", "status")
        result.add_column(name, justify="left" if left else "right", no_wrap=True, min_width=COLUMN_WIDTHS[name])
    for key in shown:
        result.add_column(cell(_short_name(key)), justify="right", no_wrap=True)
    best = _best(rows)
    for row in rows:
        cells = _cells(row, row is best)
        settings = [short(row.settings[key]) for key in shown]
        told = (*(cells[name] for name in COLUMN_WIDTHS if name in about), *settings)
        result.add_row(*map(cell, told), style="bold" if row is best else None)
    return result


def _best(rows: list[Row]) -> Row | None:
    scored = [row for row in rows if row.val_f1_best is not None and row.status != "failed"]
    return max(scored, key=lambda row: row.val_f1_best or 0.0, default=None)


def _short_name(key: str) -> str:
    """Name a setting in a column's head, without its group; a long one is cut between two words."""
    name = key.split("/")[1]
    words = name.split("_")
    while len(words) > 1 and len("_".join(words)) > LONGEST_NAME:
        words.pop()
    kept = "_".join(words)
    return kept if kept == name else f"{kept}\N{HORIZONTAL ELLIPSIS}"


def _fitting(widths: dict[str, int], room: int) -> list[str]:
    """The columns, the most important ones first, that fit; one that is too wide leaves its place to the next."""
    ordered = sorted(widths, key=lambda name: IMPORTANCE.index(name) if name in IMPORTANCE else len(IMPORTANCE))
    found, left = [], room + GAP
    for name in ordered:
        if widths[name] + GAP <= left:
            found.append(name)
            left -= widths[name] + GAP
    return found


def _is_equal(rows: list[Row], key: str) -> bool:
    return len(rows) > 1 and all(row.settings[key] == rows[0].settings[key] for row in rows)


def _hidden(rows: list[Row], keys: list[str]) -> Text | None:
    if not keys:
        return None
    equal = sum(_is_equal(rows, key) for key in keys)
    if len(keys) == 1:
        return Text(f"1 more setting is in {LEADERBOARD}{', equal in every trial' if equal else ''}")
    alike = f", {equal} of them equal in every trial" if equal else ""
    return Text(f"{len(keys)} more settings are in {LEADERBOARD}{alike}")


def console() -> Console:
    """A console as wide as the terminal. A log file has no width, so tables are not squeezed there; and nothing is
    coloured or drawn again, whatever FORCE_COLOR says."""
    return Console() if sys.stdout.isatty() else Console(width=160, force_terminal=False, no_color=True)


def show(table: Table) -> None:
    """Print a table. Of one that is wider than the terminal nothing is cut: its lines go on in the next."""
    usual = console()
    needed = usual.measure(table, options=usual.options.update(max_width=MOST_COLUMNS)).maximum
    Console(width=max(usual.width, needed)).print(table)


def _cells(row: Row, is_best: bool) -> dict[str, str]:
    return {
        "trial": f"{row.trial}{'*' if is_best else ''}",
        "status": row.status,
        "epoch": str(row.epochs or ""),
        "val F1": _score(row.val_f1),
        "best": _score(row.val_f1_best),
        "at": "" if row.best_epoch is None else str(row.best_epoch),
        "min": f"{row.seconds / 60:.1f}",
        IF_ROOM: "" if row.low is None else f"{_score(row.low)} to {_score(row.high)}",
    }


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
