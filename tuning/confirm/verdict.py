"""A confirmation as a table, as a paragraph in plain words, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rich.table import Table

from common.security.terminal import cell
from common.wording import counted
from tuning.confirm.statistics import FOLDS, Confirmation, Confirmed

SETTLED = 0.95
"""The probability from which on an order counts as settled."""


def verdict(confirmation: Confirmation) -> str:
    """Who is best, how sure that is, what the search's score was worth, and which orders are open."""
    return f"{_winner(confirmation)} {_order(confirmation.candidates)}".strip()


def table(confirmation: Confirmation, title: str) -> Table:
    """A rich table, best first; the last column lists the F1 of each run."""
    result = Table(title=cell(title), title_justify="left", header_style="bold", box=None, pad_edge=False)
    for name in ("trial", "searched", "F1", "sd", "95%", "best", "above next", confirmation.kind):
        result.add_column(name, justify="left" if name in ("trial", confirmation.kind) else "right", no_wrap=True)
    for each in confirmation.candidates:
        result.add_row(*map(cell, _cells(each)))
    return result


def to_json(confirmation: Confirmation) -> dict[str, Any]:
    """The confirmation as confirmation.json keeps it: every attribute by its name, and the verdict."""
    return {**dataclasses.asdict(confirmation), "verdict": verdict(confirmation)}


def _winner(confirmation: Confirmation) -> str:
    first, n = confirmation.candidates[0], len(confirmation.candidates)
    who = f"{first.name} is the best of {n} with probability {first.best:.2f}; it" if n > 1 else first.name
    sd = "" if first.sd is None else f" +/- {first.sd:.3f}"
    new = f"{first.score:.3f}{sd} over {_runs(confirmation.kind, len(first.runs))}"
    return f"{who} scored {first.searched:.3f} in the search and {new}: {_worth(confirmation)}."


def _runs(kind: str, n: int) -> str:
    if kind == FOLDS:
        return counted(n, "fold")
    return "one fresh seed" if n == 1 else f"{n} fresh seeds"


def _worth(confirmation: Confirmation) -> str:
    """What the first one's score in the search was worth."""
    if confirmation.kind == FOLDS:
        return "on other photos than the search's, so that the two compare only roughly"
    first = confirmation.candidates[0]
    # Of the figures as shown, so that they add up.
    excess = round(first.searched, 3) - round(first.score, 3)
    if excess < 0.0005:
        return "the search's own score was not too high"
    scores = f"the best of {confirmation.trials} noisy scores tend to be"
    return f"the search's own score was {excess:.3f} too high, as {scores}"


def _order(ranked: Sequence[Confirmed]) -> str:
    if len(ranked) == 1:
        return ""
    doubtful = [
        (f"{above.name} and {below.name}", f"{above.above_next:.2f} ({_by(above)})")
        for above, below in pairwise(ranked)
        if above.above_next is not None and above.above_next < SETTLED
    ]
    if not doubtful:
        return f"The order of all {len(ranked)} is settled: {SETTLED} or more that each is above the next."
    (names, sure), *rest = doubtful
    more = "".join(f"; nor is that of {names}: {sure}" for names, sure in rest)
    return f"The order of {names} is not settled: {sure}{more}."


def _by(above: Confirmed) -> str:
    return str(above.gain).partition(":")[0]


def _cells(each: Confirmed) -> list[str]:
    return [
        each.name,
        f"{each.searched:.3f}",
        f"{each.score:.3f}",
        "" if each.sd is None else f"{each.sd:.3f}",
        f"{each.low:.3f} .. {each.high:.3f}",
        f"{each.best:.2f}",
        "" if each.above_next is None else f"{each.above_next:.2f}",
        " ".join(f"{score:.3f}" for score in each.runs),
    ]
