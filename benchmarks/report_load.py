"""How long a browser takes to open the report of a large search, and how long it takes to be written.

    python -m benchmarks.report_load --store data/store360 --trials 200 --epochs 60

The search is made up: nothing was trained. Chromium, without a window, opens its page anew for each round, and tells
itself when the words were there, when the first screen was drawn, and when the last chart was. Nothing is kept.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from common.command_line import Parser, exit_code, positive
from common.errors import OptionError
from common.security import terminal

TIMES = """(() => {
  const drawn = performance.getEntriesByName("drawn"), plots = [...document.querySelectorAll(".plot")];
  if (document.readyState !== "complete" || drawn.length < plots.length) return null;
  const first = plots.filter((plot) => plot.getBoundingClientRect().top < innerHeight).length;
  const words = performance.getEntriesByName("first-contentful-paint");
  return [words[0].startTime, drawn[first - 1].startTime, drawn.at(-1).startTime];
})()"""
"""When its words, the charts of its first screen and all of it were there, in milliseconds since it was asked for."""

SEEN = ("its words", "its first screen", "all of it", "CPU time of the page, of that")


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    from tests.helpers.browser import CHROMIUM

    if CHROMIUM is None:
        raise OptionError("no Chromium here: install the package chromium, or google-chrome")
    with tempfile.TemporaryDirectory(prefix="report-load-") as folder:
        file = _written(Path(folder), options.store, options.trials, options.epochs)
        found = opened(file, Path(folder), options.rounds)
    for what, seconds in found.items():
        middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
        terminal.say(f"{what}: {middle:.2f} s ({low:.2f} to {high:.2f}, n = {len(seconds)})")
    return 0


def _written(folder: Path, where: Path, trials: int, epochs: int) -> Path:
    import numpy as np

    from common.search_folder import VAL_PREDICTIONS
    from data_prep.store.store import Store
    from tests.tuning.helpers.plans import small_plan
    from tests.tuning.report import drawn
    from tuning.records import leaderboard
    from tuning.report import report

    store = Store.open(where)
    plan = drawn.search(partial(small_plan, folder, store), store, folder / "search", trials, epochs)
    rows, best = store.labelled("val"), leaderboard.read(plan.folder)[0].trial
    said = np.random.default_rng(0).dirichlet(np.full(store.task.classes, 0.1), len(rows)).astype(np.float32)
    np.savez(plan.folder / best / VAL_PREDICTIONS, probabilities=said, rows=rows, store_hash=store.hash, val_f1=0.5)
    began = time.perf_counter()
    file = report.write_of(plan.folder)
    seconds, size = time.perf_counter() - began, file.stat().st_size / 1e6
    terminal.say(f"{trials} trials of {epochs} epochs: written in {seconds:.1f} s, {size:.1f} MB")
    return file


def opened(file: Path, folder: Path, rounds: int) -> dict[str, list[float]]:
    """Open a report so many times; gives the seconds until what is SEEN of it was there."""
    from tests.helpers.browser import browser

    found: dict[str, list[float]] = {what: [] for what in SEEN}
    for number in range(rounds):
        with browser(folder / str(number)) as seen:  # a fresh one: it keeps what it compiled
            page = seen.page("about:blank")
            before = seen.busy(page)
            seen.go(page, f"file://{file}")
            seconds = [each / 1000 for each in seen.value(page, TIMES)]
            for what, each in zip(SEEN, [*seconds, seen.busy(page) - before], strict=True):
                found[what].append(each)
    return found


def _parser() -> Parser:
    result = Parser(prog="python -m benchmarks.report_load", description=__doc__.splitlines()[0])
    result.add_argument("--store", metavar="STORE", type=Path, required=True, help="whose people are judged")
    result.add_argument("--trials", metavar="N", type=positive, default=200)
    result.add_argument("--epochs", metavar="N", type=positive, default=60)
    result.add_argument("--rounds", metavar="N", type=positive, default=9, help="how often it is opened")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
