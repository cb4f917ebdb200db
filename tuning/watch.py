"""The live table of a search that runs elsewhere: in another terminal, on another machine, at an address.

    python -m tuning.watch runs/NAME
    python -m tuning.watch s3://bucket/runs/NAME --once

It only reads. It ends when the search does, or when nothing has been heard for half a minute (a minute at an address)
of one that another machine runs; Ctrl-C ends it, and nothing else.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from pathlib import Path
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

    pause = EVERY_AT_URI if is_uri(options.search) else EVERY
    follow = _drawn if sys.stdout.isatty() else _told
    seen = Look.at(options.search) if options.once else follow(Watcher(options.search).look, pause)
    leaderboard.show(seen.table(leaderboard.console().width))
    terminal.say(f"\n{seen.record.name}: {seen.state}.")
    if seen.note:
        told = terminal.plain(seen.note)
        terminal.say(f"Note: {told}: it was killed, or is cut off. --resume takes the search over.")
    return 0


class Watcher:
    """It looks at a search again and again, and counts by one clock for how long no new sign of life has come."""

    def __init__(self, search: str | Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._search, self._clock = search, clock
        self._sign: object = None
        self._since = 0.0

    def look(self) -> Look:
        from tuning.records.look import Look

        began = self._clock()
        seen = Look.at(self._search)
        if (sign := (seen.pulse.owner, seen.pulse.given)) != self._sign:
            self._sign, self._since = sign, self._clock()
        return dataclasses.replace(seen, unheard=max(0.0, began - self._since))


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
