"""The live table of a search that runs elsewhere: in another terminal, on another machine, at an address.

    python -m tuning.watch runs/NAME
    python -m tuning.watch s3://bucket/runs/NAME --once

It only reads. It ends when the search does; Ctrl-C ends it, and nothing else.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from common.addresses.uris import is_uri, location
from common.command_line import Parser, exit_code
from common.security import terminal

if TYPE_CHECKING:
    from tuning.records.look import Look

EVERY, EVERY_AT_URI = 2.0, 15.0
"""Seconds between two looks."""


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    from tuning.records import leaderboard  # pandas takes a second: --help does not wait for it
    from tuning.records.look import Look

    def look() -> Look:
        return Look.at(options.search)

    pause = EVERY_AT_URI if is_uri(options.search) else EVERY
    follow = _drawn if sys.stdout.isatty() else _told
    seen = look() if options.once else follow(look, pause)
    leaderboard.show(seen.table(leaderboard.console().width))
    terminal.say(f"\n{seen.record.name}: {seen.state}.")
    return 0


def parser() -> Parser:
    result = Parser(
        prog="python -m tuning.watch",
        description="Show the trials of a search that runs elsewhere, until it ends.",
    )
    result.add_argument("search", metavar="SEARCH", type=location, help="its folder, runs/NAME, or its address")
    result.add_argument("--once", action="store_true", help="show it once and stop")
    return result


def _drawn(look: Callable[[], Look], pause: float) -> Look:
    """Draw the table again and again while the search runs; return the last look."""
    from rich.live import Live

    from tuning.records import leaderboard

    console = leaderboard.console()
    with Live(console=console, transient=True, auto_refresh=False) as live:
        while (seen := look()).runs:
            live.update(seen.table(console.width), refresh=True)
            time.sleep(pause)
    return seen


def _told(look: Callable[[], Look], pause: float) -> Look:
    """Say in a line how far the search is, whenever that has changed; return the last look."""
    said = None
    while (seen := look()).runs:
        if seen.rows != said:
            said = seen.rows
            terminal.say(seen.summary())
        time.sleep(pause)
    return seen


if __name__ == "__main__":
    sys.exit(exit_code(main))
