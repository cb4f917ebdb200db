"""Whose labels are probably wrong? Ranks the people and photos whose label a search's networks contradict, by
predictions for people whom they had not trained on.

    python tune_main.py --resume runs/NAME --confirm 1 --folds 5       so that every person is judged, once
    python -m data_prep.suspects --search runs/NAME                    writes suspects.csv and suspects.html

Look at the page and write what is right into the column `value` of the CSV: worn, incorrect, none; male, female; an age
in years; or `missing` where nobody can tell. Leave it empty where the label is right: only rows with a value are
corrected by

    python -m data_prep ... --out NEW_STORE --corrections runs/NAME/suspects.csv

A label is contradicted where another is more probable, and an issue where confident learning (cleanlab) counts on its
being wrong. The list is in the order of suspicion, whatever the field; ages that are commonly mistaken come last.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import pandas as pd

from common.command_line import Parser, exit_code, positive
from common.errors import OptionError
from common.files import write_text
from common.search_folder import SUSPECTS, SUSPECTS_SHEET
from data_prep.store.store import Store
from data_prep.suspects.evidence import Evidence, gather, open_store
from data_prep.suspects.ranking import FIELDS, rank
from data_prep.suspects.sheet import page

SHOWN = 10


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    search: Path = options.search
    store = open_store(search)
    out, sheet = options.out or search / SUSPECTS, options.sheet or search / SUSPECTS_SHEET
    _check_target("--out", out)
    _check_target("--sheet", sheet)
    _check_nothing_is_lost(out)
    evidence = gather(search, store)
    ranked = rank(store, evidence)
    write_text(out, ranked.to_csv(index=False, float_format="%.4g"))
    shown = ranked.head(options.top)
    write_text(sheet, page(store, evidence, shown, f"Suspect labels: {search.name}"))
    print("\n".join(_summary(search, store, evidence, ranked)))
    print(f"\n{out}: {len(ranked)} rows; {sheet}: the first {len(shown)} of them with photos")
    if len(ranked):
        print(_next(out))
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m data_prep.suspects",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--search", type=Path, required=True, metavar="DIR", help="a search; one confirmed on folds judges everybody")
    add("--out", type=Path, metavar="CSV", help=f"the list (default: {SUSPECTS} in the search's folder)")
    add("--sheet", type=Path, metavar="HTML", help=f"the page (default: {SUSPECTS_SHEET} in the search's folder)")
    add("--top", type=positive, default=50, metavar="N", help="rows on the page (default: %(default)s)")
    return result


def _check_target(option: str, file: Path) -> None:
    if not file.absolute().parent.is_dir():
        raise OptionError(f"{option} {file}: the folder {file.absolute().parent} does not exist; make it first")
    if file.is_dir():
        raise OptionError(f"{option} {file}: that is a folder; name a file")


def _check_nothing_is_lost(out: Path) -> None:
    """Refuse to write over values that somebody filled in, or over a file that is no list of suspects."""
    if not out.exists():
        return
    try:
        filled = pd.read_csv(out, dtype=str, keep_default_na=False)["value"].str.strip() != ""
    except (OSError, ValueError, KeyError):
        raise OptionError(f"--out {out}: already there and no list of suspects; name another file") from None
    if filled.any():
        raise OptionError(
            f"--out {out}: {filled.sum()} values were filled in there; name another file, or move it away"
        )


def _summary(search: Path, store: Store, evidence: Evidence, ranked: pd.DataFrame) -> list[str]:
    """Say who judged whom, how much was found, and the worst of it."""
    people = len(set(store.person[evidence.rows]))
    on = f"{evidence.folds} folds" if evidence.folds else "the search's own val"
    low, high, n = min(evidence.scores), max(evidence.scores), len(evidence.scores)
    networks = f"{n} networks on {on} (F1 {low:.3f} to {high:.3f})" if n > 1 else f"1 network on {on} (F1 {low:.3f})"
    lines = [f"{search}: {len(evidence.rows)} photos of {people} people, judged by {networks}"]
    if evidence.running:
        lines.append("Some of these networks are still training: run this again when they are done.")
    if evidence.missing:
        lines += _not_everybody(search, evidence)
    lines += ["", "field    contradicted  issues"]
    for field in FIELDS:
        rows = ranked[ranked["field"] == field]
        lines.append(f"{field:<8} {len(rows):>12}  {rows['issue'].sum():>6}")
    return [*lines, "", *_table(ranked.head(SHOWN))] if len(ranked) else [*lines, "No label is contradicted."]


def _not_everybody(search: Path, evidence: Evidence) -> list[str]:
    if evidence.folds:
        return [
            f"{evidence.missing} people are not judged: not every fold has a network yet; let the confirmation end."
        ]
    return [
        f"Only val people are judged: the networks trained on the other {evidence.missing}. To judge everybody:",
        f"  python tune_main.py --resume {search} --confirm 1 --folds 5",
    ]


def _table(rows: pd.DataFrame) -> list[str]:
    """Align columns in lines."""
    shown = rows[["rank", "target", "field", "label", "why"]].astype(str)
    cells = [list(shown.columns), *shown.to_numpy().tolist()]
    widths = [max(len(row[column]) for row in cells) for column in range(len(shown.columns))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]


def _next(out: Path) -> str:
    return (
        f"\nnext:  look at the page and fill in `value` in {out} where the label is wrong, then\n"
        f"       python -m data_prep --images DIR --labels CSV --out NEW_STORE --corrections {out}"
    )


if __name__ == "__main__":
    sys.exit(exit_code(main))
