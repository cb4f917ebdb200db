"""Keeps search.json and leaderboard.csv up to date while a search runs."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import files, search_folder
from common.errors import SearchError
from tuning.plan import plan as planning
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan
from tuning.plan.resources import price
from tuning.records.cost import saved_hours
from tuning.records.provenance import code_hash, versions
from tuning.records.rows import Row


def spent(rows: Sequence[Row], time_spent: Spent, plan: Plan) -> dict[str, Any]:
    """The budget used so far, and the GPU-hours saved by stopping trials early (of trials' time without a GPU)."""
    return {
        "trials": len(rows),
        "epochs": sum(row.epochs for row in rows),
        "hours": round(time_spent.hours, 5),
        "gpu_hours": round(time_spent.gpu_hours, 5),
        "gpu_hours_saved": round(saved_hours(rows, plan.epochs) * price(plan.resources.gpus), 5),
    }


def create(plan: Plan, store_hash: str, **more: Any) -> None:
    """Make the search folder with its search.json, which says `more` too: both or, killed, neither.

    Raises:
        SearchError: somebody else has made it first.
    """
    fresh = plan.folder.with_name(f".{plan.folder.name}.{os.getpid()}.partial")
    fresh.mkdir(parents=True)
    begin(plan, store_hash, fresh, **more)
    try:
        fresh.rename(plan.folder)
    except OSError:
        shutil.rmtree(fresh)
        raise SearchError(f"{plan.folder} already holds a search; choose another --name") from None


def begin(plan: Plan, store_hash: str, folder: Path, **more: Any) -> None:
    """Write the search.json of a new search into `folder`."""
    about = {
        "command": sys.argv,
        "name": plan.name,
        "state": "running",
        **planning.to_json(plan),
        "store": {"path": plan.store, "hash": store_hash},
        "versions": versions(),
        "code": code_hash(),
        "started": _now(),
        "spent": spent([], Spent(), plan),
        **more,
    }
    files.write_json(folder / search_folder.SEARCH, about)


def read(folder: Path) -> dict[str, Any]:
    """search.json of a search folder.

    Raises:
        SearchError: there is none, or it cannot be read.
    """
    try:
        return _about(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise SearchError(
            f"{folder} holds no search: there is no {search_folder.SEARCH}; name a folder under runs/"
        ) from None


def _about(folder: Path) -> dict[str, Any]:
    file = folder / search_folder.SEARCH
    try:
        about: dict[str, Any] = json.loads(file.read_text())
    except ValueError:
        raise SearchError(f"{file} is damaged: it is no JSON; the search cannot be read") from None
    return about


def update(folder: Path, **changes: Any) -> None:
    """Raises OSError: it is not there, or cannot be written."""
    files.write_json(folder / search_folder.SEARCH, {**_about(folder), **changes})


def close(folder: Path, state: str, **more: Any) -> None:
    update(folder, state=state, ended=_now(), **more)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


FINISHED, INTERRUPTED, SPENT, FAILING = "finished", "interrupted", "budget spent", "failing"
"""How a search ends: every trial has ended; Ctrl-C; a time limit; too many trials failed. The last three leave trials
that can go on."""
