"""What a person reads when a search has ended, and the exit code that says how."""

from __future__ import annotations

import os
import shlex
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from common.command_line import python
from common.errors import SearchError
from common.search_folder import CONFIRMATION, TRIAL_ERROR
from common.search_record import FailedTrials, SearchRecord, State
from common.wording import counted
from data_prep import node_copy
from tuning.command.ending.exit_codes import INTERRUPTED, TRIALS_FAILED
from tuning.command.options import TIME, flag
from tuning.confirm import refit, rerun, verdict
from tuning.plan.plan import Plan
from tuning.plan.resources import unit
from tuning.records import leaderboard, reasons, search_json
from tuning.records.rows import Row, ranked
from tuning.storage import home


@dataclass(frozen=True)
class Ending:
    """How a search ended.

    Attributes:
        lines: tables and texts, to print in this order.
        code: the exit code.
        error: what was wrong with the search as a whole; it is said last.
        compares: it is a confirmation that has ended, so that its candidates are compared next (`of_confirmation`).
    """

    lines: tuple[Table | str, ...]
    code: int = 0
    error: SearchError | None = None
    compares: bool = False


def of_search(plan: Plan, rows: Sequence[Row], width: int) -> Ending:
    """The leaderboard for a terminal of `width` columns, what was spent, what failed, and the next command."""
    record = search_json.read(plan.folder)
    failed, lost = record.failed or [], sum(row.status == "failed" for row in rows)
    code = 0 if all(group["diverged"] for group in failed) else TRIALS_FAILED
    lines: tuple[Table | str, ...] = (
        "",
        _table(plan, rows, record, width),
        f"\n{counted(len(rows), 'trial')} ({lost} failed), {_spent(plan, record)}.",
        *([reasons.described(failed)] if failed else []),
    )
    if error := _error(plan, rows, record, failed):
        return Ending(lines, error=error)
    if record.state == State.INTERRUPTED:
        return Ending((*lines, f"Interrupted. To go on:\n\n    {_resume(plan)}"), INTERRUPTED)
    if record.state == State.SPENT:
        return Ending((*lines, f"The budget is spent. To go on:\n\n    {_resume(plan)} {_more(plan)}"), code)
    if record.confirms:
        return Ending(lines, code, compares=True)
    if record.refits:
        return Ending((*lines, _next_of_refit(plan)), code)
    return Ending((*lines, _next(plan)), code)


def _table(plan: Plan, rows: Sequence[Row], record: SearchRecord, width: int) -> Table:
    if record.refits:
        return refit.table(plan.folder.parent.name, rows, record.refits)
    return leaderboard.table(ranked(rows), f"Leaderboard of {plan.name}", width)


def of_confirmation(plan: Plan, rows: Sequence[Row]) -> Ending:
    """The confirmation as a table and in words; its confirmation.json is written.

    Raises:
        SearchError: a candidate has no run that ended, or runs that cannot be compared.
    """
    place = home.of(plan)
    place.fetch_predictions()
    store = node_copy.open_store(plan.store, search_json.read(plan.folder).store["hash"])
    found = rerun.report(plan.folder, rows, store)
    place.keep(plan.folder / CONFIRMATION)
    title = f"Confirmation of {plan.folder.parent.name}"
    return Ending(("", verdict.table(found, title), f"\n{textwrap.fill(verdict.verdict(found), 110)}"))


def _error(plan: Plan, rows: Sequence[Row], record: SearchRecord, failed: Sequence[FailedTrials]) -> SearchError | None:
    if record.state == State.FAILING:
        commonest = next(group["reason"] for group in failed if not group["diverged"])
        why = f"{record.failing} trials failed, most often of {commonest}"
        return SearchError(f"{why}; mend that and go on: {_resume(plan)}")
    if record.state == State.FINISHED and rows and all(row.status == "failed" for row in rows):
        return SearchError(
            f"every trial failed; the first one's error is in {_shown(plan)}/{rows[0].trial}/{TRIAL_ERROR}"
        )
    return None


def _spent(plan: Plan, record: SearchRecord) -> str:
    spent = record.spent
    return (
        f"{counted(spent['epochs'], 'epoch')}, {spent['hours']:.2f} hours, "
        f"{spent['gpu_hours']:.2f} {unit(plan.resources.gpus)}; "
        f"stopping early saved {spent['gpu_hours_saved']:.2f}"
    )


def _shown(plan: Plan) -> str:
    return shlex.quote(plan.remote or os.path.relpath(plan.folder))


def _resume(plan: Plan) -> str:
    return f"{python()} tune_main.py --resume {_shown(plan)}"


def _more(plan: Plan) -> str:
    """As much time again as the budget had."""
    had = {name: getattr(plan.budget, name) for name in TIME}
    return " ".join(f"{flag(name)} +{hours:g}" for name, hours in had.items() if hours)


def _next_of_refit(plan: Plan) -> str:
    search = shlex.quote(plan.remote.rpartition("/")[0] if plan.remote else os.path.relpath(plan.folder.parent))
    return (
        "No score tells how good these are: val was trained on, and test is opened on purpose only.\n\nNext:\n\n"
        f"    {python()} -m ensemble.select_and_predict --search {search} --refit --test"
    )


def _next(plan: Plan) -> str:
    board = "tensorboard" if python() == "python" else f"{python()} -m tensorboard.main"
    curves = shlex.quote(os.path.relpath(plan.folder))
    vote = f"{python()} -m ensemble.select_and_predict --search {_shown(plan)} --test"
    return f"\nNext:\n\n    {board} --logdir {curves}\n    {vote}"
