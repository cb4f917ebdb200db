"""What a person is told of the suspects, and the list that is not written over while somebody fills it in."""

from __future__ import annotations

import io
import shlex
from pathlib import Path

import pandas as pd

from common.command_line import python
from common.errors import OptionError
from common.security.regular_file import TABLE, read_bytes
from common.security.spreadsheet import csv_text
from common.security.terminal import plain
from common.wording import counted, things
from data_prep.choices import KEEP, NAMED, REMOVE
from data_prep.labels import OFFICIAL_BANDS
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence

SHOWN = 10


def check_nothing_is_lost(out: Path) -> None:
    """Refuse to write over values that somebody filled in, or over a file that is no list of suspects."""
    if not out.exists():
        return
    try:
        text, separator = csv_text(read_bytes(out, TABLE))  # as a spreadsheet may have saved it
        table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False)
        filled = table["value"].str.strip() != ""
    except (OSError, ValueError, KeyError):
        raise OptionError(f"--out {out}: already there and no list of suspects; name another file") from None
    if number := int(filled.sum()):
        raise OptionError(
            f"--out {out}: {counted(number, 'value')} {things(number, 'was', 'were')} filled in there; name another "
            "file, or move it away"
        )


def summary(search: Path, store: Store, evidence: Evidence, ranked: pd.DataFrame) -> list[str]:
    """Say who judged whom, how much was found, and the worst of it."""
    people = len(set(store.person[evidence.rows]))
    on = f"{evidence.folds} folds" if evidence.folds else "the search's own val"
    low, high, n = min(evidence.scores), max(evidence.scores), len(evidence.scores)
    networks = f"{n} networks on {on} (F1 {low:.3f} to {high:.3f})" if n > 1 else f"1 network on {on} (F1 {low:.3f})"
    lines = [f"{search}: {counted(len(evidence.rows), 'photo')} of {counted(people, 'person')}, judged by {networks}"]
    if evidence.running:
        lines.append("Some of these networks are still training: run this again when they are done.")
    if evidence.missing:
        lines += _not_everybody(search, evidence)
    lines += ["", "field    contradicted  issues"]
    for field in store.task.factors:
        rows = ranked[ranked["field"] == field]
        lines.append(f"{field:<8} {len(rows):>12}  {rows['issue'].sum():>6}")
    return [*lines, "", *_table(ranked.head(SHOWN))] if len(ranked) else [*lines, "No label is contradicted."]


def _not_everybody(search: Path, evidence: Evidence) -> list[str]:
    if evidence.folds:
        who = f"{counted(evidence.missing, 'person')} {things(evidence.missing, 'is', 'are')}"
        return [f"{who} not judged: not every fold has a network yet; let the confirmation end."]
    return [
        f"Only val people are judged: the networks trained on the other {evidence.missing}. To judge everybody:",
        f"  {python()} tune_main.py --resume {search} --confirm 1 --folds 5",
    ]


def _table(rows: pd.DataFrame) -> list[str]:
    """Align columns in lines."""
    shown = rows[["rank", "target", "field", "label", "why"]].astype(str).map(plain)
    cells = [list(shown.columns), *shown.to_numpy().tolist()]
    widths = [max(len(row[column]) for row in cells) for column in range(len(shown.columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def next_commands(out: Path, store: Store) -> str:
    return (
        f"\nnext:  look at the page and fill in `value` in {out} where the label is wrong, then\n"
        f"       {python()} -m data_prep {made_with(store)} --out NEW_STORE --corrections {shlex.quote(str(out))}"
    )


def made_with(store: Store) -> str:
    """Write the options that make such a store again, of the same photos, in the same splits.

    Stores of earlier versions do not say all of it; what they leave open is the default.
    """
    meta, made = store.meta, store.meta.get("made_from") or {}
    background = meta["background"]
    implausible = KEEP if background["method"] == "keep" else meta.get("implausible", REMOVE)
    options = {
        "--images": "DIR",
        "--labels": None if made.get("layout") in NAMED else "CSV",
        "--size": "x".join(map(str, store.size)),
        "--background": background["model"] if background["method"] == "own" else background["method"],
        "--implausible": implausible if implausible != KEEP else None,
        "--bands": ",".join(map(str, store.bands)) if store.bands != OFFICIAL_BANDS else None,
        "--task": ",".join(made["task"]) if "task" in made else None,
        "--seed": str(made["seed"]) if made.get("seed") else None,
    }
    said = [f"{option} {shlex.quote(value)}" for option, value in options.items() if value is not None]
    return " ".join([*said, *(["--group-near"] if made.get("group_near") else [])])
