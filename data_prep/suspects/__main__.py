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

import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.search_folder import SUSPECTS, SUSPECTS_SHEET
from common.security import terminal
from common.wording import counted


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    search: Path = options.search
    out, sheet = options.out or search / SUSPECTS, options.sheet or search / SUSPECTS_SHEET
    # Imported only now, since pandas takes seconds: neither --help nor a mistyped option should wait.
    from common.files import check_file, write_text
    from common.security import spreadsheet
    from data_prep.suspects import report
    from data_prep.suspects.evidence import gather, open_store
    from data_prep.suspects.ranking import rank
    from data_prep.suspects.sheet import page

    store = open_store(search, options.data)
    check_file("--out", out)
    check_file("--sheet", sheet)
    report.check_nothing_is_lost(out)
    evidence = gather(search, store)
    ranked = rank(store, evidence)
    write_text(out, spreadsheet.safe(ranked).to_csv(index=False, float_format="%.4g"))
    shown = ranked.head(options.top)
    write_text(sheet, page(store, evidence, shown, f"Suspect labels: {search.name}"))
    terminal.say(terminal.lines(report.summary(search, store, evidence, ranked)))
    terminal.say(f"\n{out}: {counted(len(ranked), 'row')}; {sheet}: the first {len(shown)} of them with photos")
    if len(ranked):
        terminal.say(report.next_commands(out, store))
    return 0


def parser() -> Parser:
    result = Parser(prog="python -m data_prep.suspects", description=__doc__)
    add = result.add_argument
    add("--search", type=Path, required=True, metavar="DIR", help="a search; one confirmed on folds judges everybody")
    add("--data", metavar="STORE", help="where the search's store is now, if it has moved")
    add("--out", type=Path, metavar="CSV", help=f"the list (default: {SUSPECTS} in the search's folder)")
    add("--sheet", type=Path, metavar="HTML", help=f"the page (default: {SUSPECTS_SHEET} in the search's folder)")
    add("--top", type=positive, default=50, metavar="N", help="rows on the page (default: %(default)s)")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
