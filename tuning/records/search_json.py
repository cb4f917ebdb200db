"""The record of a search: how it begins, changes and ends, and how it is read."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import search_state
from common.errors import SearchError
from common.search_folder import SEARCH
from common.search_record import Cost, FailedTrials, SearchRecord, State
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan, to_json
from tuning.plan.resources import price
from tuning.records.cost import saved_hours
from tuning.records.provenance import code_hash, versions
from tuning.records.rows import Row


def spent(rows: Sequence[Row], time_spent: Spent, plan: Plan) -> Cost:
    """The budget used so far, and the GPU-hours saved by stopping trials early (of trials' time without a GPU)."""
    return {
        "trials": len(rows),
        "epochs": sum(row.epochs for row in rows),
        "hours": round(time_spent.hours, 5),
        "gpu_hours": round(time_spent.gpu_hours, 5),
        "gpu_hours_saved": round(saved_hours(rows, plan.epochs) * price(plan.resources.gpus), 5),
    }


class Record:
    """The record of the search that this process runs.

    Each state of the search holds it, and search.json shows it: whatever becomes of that file while the search runs,
    it is written anew.

    Attributes:
        now: as it is.
    """

    def __init__(self, folder: Path, now: SearchRecord) -> None:
        self.now = now
        self._folder = folder

    def change(self, **changes: Any) -> None:
        """Give some keys of search.json other values."""
        self.now = self.now.changed(changes)

    def show(self, *, flushed: bool = False) -> None:
        """Write search.json."""
        self.now.write(self._folder, flushed=flushed)

    def close(self, state: State, failed: list[FailedTrials], failing: str | None) -> None:
        """Say how the search ended."""
        self.change(state=state, ended=_now(), failed=failed, failing=failing)


def new(
    plan: Plan, store_hash: str, confirms: dict[str, Any] | None = None, refits: dict[str, Any] | None = None
) -> SearchRecord:
    """The record of a new search; a confirmation's says what it `confirms`, a refit's what it `refits`."""
    return SearchRecord(
        command=sys.argv,
        name=plan.name,
        state=State.RUNNING,
        plan=to_json(plan),
        store={"path": plan.store, "hash": store_hash},
        versions=versions(),
        code=code_hash(),
        started=_now(),
        spent=spent([], Spent(), plan),
        confirms=confirms,
        refits=refits,
    )


def read(folder: Path) -> SearchRecord:
    """The record of the search in a folder (`SearchRecord.read`).

    Raises:
        SearchError: there is none, or it cannot be read.
    """
    try:
        return SearchRecord.read(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise search_state.none_in(folder) from None
    except OSError as error:
        raise SearchError(f"{folder / SEARCH} cannot be read ({error.strerror}); name another search") from None
    except ValueError as error:
        raise SearchError(f"{folder / SEARCH} is damaged: {error}; the search cannot be read") from None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
