"""leaderboard.csv of a search folder, and the same as a table for the terminal."""

from __future__ import annotations

import io
import sys
from itertools import accumulate, islice
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from common import search_state
from common.errors import SearchError
from common.files import write_text
from common.search_folder import LEADERBOARD, STATE
from common.security import spreadsheet
from common.security.regular_file import TABLE, read_bytes
from common.security.terminal import cell
from tuning.records.rows import Row, from_json, ranked

COLUMNS = ("rank", "trial", "status", "val_f1_best", "best_epoch", "epochs", "seconds")

FIXED_WIDTH = 58
"""Columns of the terminal that everything but the settings takes."""


def frame(rows: list[Row]) -> pd.DataFrame:
    """One line a trial, best first: COLUMNS, then what the search varies by its flat keys."""
    lines = [
        {
            "rank": rank,
            "trial": row.trial,
            "status": row.status,
            "val_f1_best": row.val_f1_best,
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


def _read_csv(file: Path) -> list[Row]:
    try:
        table = spreadsheet.restored(pd.read_csv(io.BytesIO(read_bytes(file, TABLE))))
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
            )
            for line in board.to_dict("records")
        ]
    except (OSError, ValueError, KeyError) as error:
        raise SearchError(f"{file} cannot be read ({error}); go on with the search, which writes it anew") from None


def _check(board: pd.DataFrame) -> None:
    """Raises ValueError: a cell that is none of a leaderboard's. KeyError: a column that is not there."""
    for name in ("val_f1_best", "best_epoch", "epochs", "seconds"):
        pd.to_numeric(board[name])
    for name in ("trial", "status"):
        if len(board) and (board[name].isna().any() or not pd.api.types.is_string_dtype(board[name])):
            raise ValueError(f"{name}: a name is needed in every row")
    if strange := [name for name in board.columns if name not in COLUMNS and name.count("/") != 1]:
        raise ValueError(f"{strange[0]!r} is no column of a leaderboard")


def table(rows: list[Row], title: str, width: int = 160) -> Table:
    """A rich table for a terminal of `width` columns; searched settings under their short names, as many as fit."""
    keys = list(rows[0].settings) if rows else []
    ends = accumulate((max(5, len(key.split("/")[1])) + 2 for key in keys), initial=FIXED_WIDTH)
    shown = [key for key, end in zip(keys, islice(ends, 1, None), strict=True) if end <= width]
    hidden = len(keys) - len(shown)
    caption = f"{hidden} more settings are in {LEADERBOARD}" if hidden else None
    result = Table(title=cell(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    result.caption, result.caption_justify = caption, "left"
    for name, least in (("trial", 9), ("status", 11), ("epoch", 5), ("val F1", 6), ("best", 5), ("at", 3), ("min", 5)):
        left = name in ("trial", "status")
        result.add_column(name, justify="left" if left else "right", no_wrap=True, min_width=least)
    for key in shown:
        result.add_column(cell(key.split("/")[1]), justify="right", no_wrap=True)
    for row in rows:
        result.add_row(*map(cell, (*_cells(row), *(_number(row.settings[key]) for key in shown))))
    return result


def console() -> Console:
    """A console as wide as the terminal; a log file has no width, so tables are not squeezed there."""
    return Console() if sys.stdout.isatty() else Console(width=160)


def _cells(row: Row) -> list[str]:
    best = "" if row.best_epoch is None else str(row.best_epoch)
    return [
        row.trial,
        row.status,
        str(row.epochs or ""),
        _score(row.val_f1),
        _score(row.val_f1_best),
        best,
        f"{row.seconds / 60:.1f}",
    ]


def _score(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _number(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
