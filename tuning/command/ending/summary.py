"""A search's end for programs, as --json prints it: one line of JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from common.search_folder import CONFIRMATION
from common.security.regular_file import read_json
from tuning.command.ending.ending import Ending
from tuning.plan.plan import Plan
from tuning.records import rows as board
from tuning.records import search_json
from tuning.records.rows import Row, ranked


def line(plan: Plan, rows: Sequence[Row], ended: Ending) -> str:
    """Summarize a search that has ended, or a confirmation.

    Its keys: search, where, state, exit_code, error, spent, best (a trial, or null), trials (best first), failed (by
    reason), and of a confirmation `confirmation`, as in confirmation.json.
    """
    record, best_first = search_json.read(plan.folder), ranked(rows)
    about: dict[str, Any] = {
        "search": plan.name,
        "where": plan.where,
        "state": record.state,
        "exit_code": 2 if ended.error else ended.code,
        "error": str(ended.error) if ended.error else None,
        "spent": record.spent,
        "best": next((board.to_json(row) for row in best_first if row.val_f1_best is not None), None),
        "trials": [board.to_json(row) for row in best_first],
        "failed": record.failed or [],
    }
    if ended.compares:
        about["confirmation"] = read_json(plan.folder / CONFIRMATION)
    return json.dumps(about, default=str)
