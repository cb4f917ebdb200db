"""Replays a search's logged curves under other settings of ASHA: what stopping earlier would have saved, and lost.

    python -m tuning.replay --search runs/age_bands
    python -m tuning.replay --curves benchmarks/curves/scheduler_decay.jsonl --slots 5

Nothing is trained: on a simulated clock the real scheduler hears what the trials reported, and stops them by it. Which
trials it stops depends on who comes first, so the trials are replayed in many random orders; with --trials 50 on more
curves than that, each time other fifty.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from common.command_line import Parser, exit_code, positive, seed
from common.security import terminal
from common.wording import counted
from tuning.replay.outcomes import (
    ORDERS,
    TOLERATED,
    Estimate,
    Log,
    Outcome,
    Setting,
    _settings,
    _shuffled,
    outcome,
    replay,
)

if TYPE_CHECKING:  # Ray takes seconds to import: --help should not wait for it
    from rich.table import Table

SLOTS = 5
"""Trials at a time over a file of curves, unless told otherwise: the GPUs of the reference machine."""


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    log = _log(options)
    settings = [None, *_settings(log, options.grace, options.reduction)]
    logs = [log] if options.as_tried else list(_shuffled(log, options.orders, options.trials, options.seed))

    from data_prep.workers import passing
    from tuning.records.leaderboard import show

    terminal.say(_about(log, logs))
    outcomes = [outcome(logs, setting) for setting in passing(settings, "replaying settings")]
    show(table(log, outcomes))
    terminal.say(_conclusion(log, outcomes))
    return 0


def parser() -> Parser:
    about = (__doc__ or "").split("\n\n")[0]
    result = Parser(
        prog="python -m tuning.replay",
        description=about,
        epilog="Saved is the share of what all trials cost at full length; lost is macro F1 below the best logged "
        "trial; rank is that of the trial found best, among all logged. A trial that was stopped in the search has a "
        "curve that ends early: a setting that would have trained it longer has it end there, and the column unknown "
        "counts such ends. A search run with --grace as long as a trial has none.",
    )
    what = result.add_argument_group("what to replay").add_mutually_exclusive_group(required=True)
    what.add_argument("--search", type=Path, metavar="DIR", help="a search: runs/NAME")
    what.add_argument("--curves", type=Path, metavar="FILE", help="curves of `python -m benchmarks.record_curves`")
    how = result.add_argument_group("how")
    how.add_argument(
        "--grace", type=positive, nargs="+", metavar="N", help="epochs before a trial may be stopped, to compare"
    )
    how.add_argument(
        "--reduction", type=positive, nargs="+", metavar="N", help="one in N trials passes a rung, to compare"
    )
    how.add_argument(
        "--slots", type=positive, metavar="N", help=f"trials at a time (default: as the search; {SLOTS} for a file)"
    )
    how.add_argument(
        "--orders", type=positive, default=ORDERS, metavar="N", help=f"random orders to replay (default: {ORDERS})"
    )
    how.add_argument("--trials", type=positive, metavar="N", help="trials of each order, drawn anew (default: all)")
    how.add_argument("--as-tried", action="store_true", help="replay only the order in which the trials were tried")
    how.add_argument("--seed", type=seed, default=0, metavar="N", help="of the random orders (default: 0)")
    return result


def table(log: Log, outcomes: Sequence[Outcome]) -> Table:
    """A rich table, a line a setting; the search's own is marked."""
    from rich.table import Table

    result = Table(header_style="bold", box=None, pad_edge=False)
    for name in ("", "grace", "reduction", "epochs", log.unit, "saved", "best F1", "F1 lost", "rank", "unknown"):
        result.add_column(name, justify="right", no_wrap=True)
    for each in outcomes:
        cells = _cells(each, as_searched=each.setting is not None and each.setting == log.setting)
        result.add_row(*map(terminal.cell, cells))
    return result


def _log(options: argparse.Namespace) -> Log:
    if options.curves is not None:
        return _log_of_file(options.curves, options.slots or SLOTS)
    return _log_of_search(options.search, options.slots)


def _log_of_file(file: Path, slots: int) -> Log:
    from tuning.replay import curves

    recorded = tuple(curves.of_file(file))
    return Log(file.stem, recorded, max(map(len, recorded)), slots, gpus=0.0)


def _log_of_search(folder: Path, slots: int | None) -> Log:
    from common import search_state
    from tuning.plan.plan import from_record
    from tuning.records import search_json
    from tuning.replay import curves

    plan = from_record(folder, search_json.read(folder))
    if gone := search_state.trials_without_folder(folder):
        terminal.say(f"Note: left out, as their folders are gone: {', '.join(gone)}.")
    return Log(
        name=folder.name,
        curves=tuple(curves.of_search(folder, list(plan.space.distributions))),
        epochs=plan.epochs,
        slots=slots or plan.resources.concurrent,
        gpus=plan.resources.gpus,
        setting=Setting(plan.grace, plan.reduction),
    )


def _about(log: Log, logs: Sequence[Log]) -> str:
    best = max(log.curves, key=lambda curve: curve.best)
    whole = sum(len(curve) >= log.epochs or curve.failed for curve in log.curves)
    lines = [
        f"{log.name}: {counted(len(log.curves), 'trial')} of up to {counted(log.epochs, 'epoch')}, {whole} of them "
        f"whole, {counted(sum(map(len, log.curves)), 'epoch')} in all, {log.slots} at a time; best F1 {best.best:.3f} "
        f"({best.name})",
    ]
    if log.setting:
        own = replay(log, log.setting)
        lines.append(
            f"It ran with {log.setting}; a replay in its own order trains {counted(own.epochs, 'epoch')} and finds "
            f"{own.best:.3f} (trials that report almost at once may change places)"
        )
    return "\n".join([*lines, f"{_how(log, logs)}\n"])


def _how(log: Log, logs: Sequence[Log]) -> str:
    if logs == [log]:
        return "Replayed in the order in which they were tried"
    drawn = len(logs[0].curves)
    trials = "All" if drawn == len(log.curves) else f"{drawn} of them, drawn anew each time,"
    return f"{trials} replayed in {len(logs)} random orders: mean +/- standard error"


def _cells(outcome: Outcome, as_searched: bool) -> list[str]:
    setting = ("no", "stopping") if outcome.setting is None else (outcome.setting.grace, outcome.setting.reduction)
    return [
        ">" if as_searched else "",
        *map(str, setting),
        f"{outcome.epochs.mean:.0f}",
        f"{outcome.hours.mean:.2f}",
        f"{outcome.saved.mean:.0%}",
        _score(outcome.best),
        _score(outcome.lost),
        f"{outcome.rank.mean:.1f}",
        f"{outcome.unknown.mean:.1f}" if outcome.unknown.mean else "",
    ]


def _score(value: Estimate) -> str:
    return f"{value.mean:.4f}" + ("" if value.error is None else f" +/- {value.error:.4f}")


def _conclusion(log: Log, outcomes: Sequence[Outcome]) -> str:
    return "\n".join(line for line in ("", _marked(log), _unsure(outcomes), _choice(outcomes)) if line is not None)


def _marked(log: Log) -> str | None:
    return "> the setting that the search ran with." if log.setting else None


def _unsure(outcomes: Sequence[Outcome]) -> str | None:
    if not any(outcome.unknown.mean for outcome in outcomes):
        return None
    return textwrap.fill(
        "unknown: trials that this setting would have trained further than they were. They end where their curves do, "
        "so that it would cost more than shown; what they would have reached, nobody knows.",
        110,
    )


def _choice(outcomes: Sequence[Outcome]) -> str:
    """The cheapest setting of those that lose little and are known to the end."""
    sure = [each for each in outcomes if each.setting and not each.unknown.mean and each.lost.mean <= TOLERATED]
    if not sure:
        return f"No setting is known to lose {TOLERATED} F1 or less."
    best = min(sure, key=lambda each: each.hours.mean)
    return f"The cheapest to lose {TOLERATED} F1 or less here: {best.setting}, which saves {best.saved.mean:.0%}."


if __name__ == "__main__":
    sys.exit(exit_code(main))
