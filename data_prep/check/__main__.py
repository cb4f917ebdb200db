"""Is a store whole, and what is in it?

python -m data_prep.check data/store
python -m data_prep.check data/store --sheet sheet.png --images data/train/images

Every file is hashed again, and photos that are nearly identical are counted. With --sheet some photos are drawn as they
are stored, and with --images also as they were.
"""

from __future__ import annotations

from pathlib import Path

from common.command_line import Parser, exit_code, positive, seed
from common.errors import OptionError
from common.security import terminal
from common.wording import counted


def main(arguments: list[str] | None = None) -> None:
    options = parser().parse_args(arguments)
    if options.images and not options.sheet:
        raise OptionError("--images shows photos as they were: name a picture to draw too, as in --sheet sheet.png")
    # Imported only now, since pandas and Pillow take seconds: neither --help nor a mistyped option should wait.
    from rich.console import Console

    from data_prep.check import report
    from data_prep.check.contact_sheet import draw_sheet
    from data_prep.store.store import Store
    from data_prep.survey.findings import findings, not_used

    store = Store.open(options.store)
    report.verify(store)
    console = Console()
    photos = counted(len(store), "photo")
    head = f"{store.path}: whole, {photos} at {store.size[0]}x{store.size[1]}, hash {store.hash[:12]}"
    terminal.say(terminal.lines([head, f"task: {store.task.in_words()}", report.origin(store)]))
    for table in report.tables(store):
        console.print(table)
    terminal.say(terminal.lines([*report.warnings(store), *not_used(store), *findings(store), *report.near(store)]))
    if options.sheet:
        draw_sheet(store, options.sheet, options.photos, options.seed, options.images)
        terminal.say(f"sheet: {options.sheet}")


def parser() -> Parser:
    options = Parser(prog="python -m data_prep.check", description=__doc__)
    options.add_argument("store", type=Path, metavar="STORE", help="a store made by `python -m data_prep`")
    options.add_argument("--sheet", type=Path, metavar="FILE.png", help="also draw some of its photos")
    options.add_argument("--images", type=Path, metavar="DIR", help="its --images: the sheet shows them beside it")
    options.add_argument("--photos", type=positive, default=24, metavar="N", help="on the sheet (default: %(default)s)")
    options.add_argument("--seed", type=seed, default=0, metavar="N", help="which photos (default: %(default)s)")
    return options


if __name__ == "__main__":
    raise SystemExit(exit_code(main))
