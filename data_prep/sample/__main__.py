"""Draws the sample: python -m data_prep.sample --people 360 --out data/sample --sheet sheet.png"""

from __future__ import annotations

import sys
from pathlib import Path

from common.command_line import Parser, exit_code, positive, python
from common.security import terminal
from common.wording import counted
from data_prep.sample.census import PEOPLE


def _parser() -> Parser:
    parser = Parser(
        prog="python -m data_prep.sample",
        description="Draw portraits in the reference task's layout, with the truth about each in truth.csv.",
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to draw into")
    parser.add_argument(
        "--people", type=int, default=PEOPLE, metavar="N", help=f"labelled people, 7 photos each ({PEOPLE})"
    )
    parser.add_argument("--eval-people", type=int, default=6, metavar="N", help="people to predict, 7 photos each (6)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="the same seed draws the same sample (0)")
    parser.add_argument("--workers", type=positive, metavar="N", help="processes (one for each core)")
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="also write a contact sheet of some people")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    # Imported only now, since pandas and Pillow take seconds: neither --help nor a mistyped option should wait.
    from data_prep.sample.draw import draw
    from data_prep.sample.scene import PHOTOS
    from data_prep.sample.sheet import contact_sheet

    root = draw(options.out, options.people, options.seed, options.eval_people, options.workers)
    if options.sheet:
        contact_sheet(root, options.sheet)
        terminal.say(f"contact sheet: {options.sheet}")
    photos = len(PHOTOS)
    terminal.say(
        f"{root}: {counted(options.people, 'person')}, {options.people * photos} photos; to predict: "
        f"{options.eval_people * photos}"
    )
    terminal.say(
        f"next: {python()} -m data_prep --images {root}/train/images --labels {root}/train/train.csv "
        f"--eval {root}/eval --background sample --size 96x72 --out data/store"
    )
    return 0


if __name__ == "__main__":
    sys.exit(exit_code(main))
