"""Texts in CSVs that people open: a spreadsheet runs a cell that begins with = as a formula, also in a photo's name."""

from __future__ import annotations

import re
from collections.abc import Callable

import pandas as pd

_FORMULA = re.compile(r"(^[\s\"]*|[;\t\n]\s*\"?)('*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet may begin a formula: at a cell's beginning, or at what it takes for the next one's. The last
four of the signs are those of East Asian keyboards."""


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
