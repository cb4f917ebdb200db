"""Which of two searches found the better winner, on the same val people, with its interval.

    python -m tuning.compare runs/A runs/B

Both were run on one store. Each winner's score is the highest of its search, and so too high; the more trials a search
had, the more. `--confirm` of each, and the vote on test, are free of that.
"""

from __future__ import annotations

import sys
from pathlib import Path

from common.command_line import Parser, exit_code
from common.security import terminal


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    from tuning.confirm import winners  # pandas takes a second: --help does not wait for it

    first, second = (winners.of(folder) for folder in (options.first, options.second))
    terminal.say(winners.compared(first, second))
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m tuning.compare",
        description="Compare the best trials of two searches on one store, by their predictions on val.",
    )
    for name in ("first", "second"):
        result.add_argument(name, metavar=f"SEARCH_{name.upper()}", type=Path, help="a search's folder: runs/NAME")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
