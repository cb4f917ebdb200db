"""CSVs that people open in spreadsheets: a cell that begins with = is run as a formula, also where it is the name of a
photo, and what is saved again may have other separators, or another encoding."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

_FORMULA = re.compile(r"(^[\s\"]*|[;\t\n]\s*\"?)('*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet may begin a formula: at a cell's beginning, or at what it takes for the next one's. The last
four of the signs are those of East Asian keyboards."""


_SEPARATOR = re.compile(r"sep=([,;\t])\r?\n")
"""A first line for Excel, which does not count it either."""


def csv_text(content: bytes) -> tuple[str, str]:
    """Decode a CSV, and tell what stands between its cells: a comma, or else a semicolon (Excel writes it where a comma
    is in numbers) or a tab.

    Raises:
        ValueError: it is a workbook, its encoding cannot be told, or its first line names no columns.
    """
    if content.startswith(b"PK\3\4"):
        raise ValueError("it is an Excel workbook, or an archive; save it as CSV UTF-8")
    try:
        text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start:,}; save it as CSV UTF-8") from None
    if told := _SEPARATOR.match(text):
        return text[told.end() :], told[1]
    if not (header := text.partition("\n")[0]).strip():
        raise ValueError("its first line is empty, and should name the columns")
    return text, next((each for each in ",;\t" if each in header), ",")


def as_text(value: str) -> str:
    """Write an apostrophe before what would be a formula: it is taken for text then. `as_was` undoes it."""
    return _FORMULA.sub(r"\1'\2", value)


def as_was(value: str) -> str:
    """The inverse of `as_text`."""
    return _FORMULA.sub(lambda found: found[1] + found[2][1:], value)


def safe(table: pd.DataFrame) -> pd.DataFrame:
    """Have every text of a table `as_text`; numbers stay."""
    return _mapped(table, as_text)


def restored(table: pd.DataFrame) -> pd.DataFrame:
    """The inverse of `safe`."""
    return _mapped(table, as_was)


def _mapped(table: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    return table.map(lambda value: change(value) if isinstance(value, str) else value)
