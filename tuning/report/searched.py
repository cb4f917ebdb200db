"""What a report tells of a search, read from its folder or its address, whether it runs or has ended."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from common.search_record import SearchRecord, State
from tuning.plan.plan import Plan, from_record
from tuning.plan.resources import price, unit
from tuning.records.look import Look
from tuning.records.results import reported
from tuning.records.rows import Row, ranked
from tuning.report.fetched import fetched

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Curve:
    """The epochs of a trial that it has reported, a value each.

    Attributes:
        epochs: int [n], from 1, ascending.
        val_f1: float [n].
        seconds: float [n], of the trial's time that each epoch took.
        when: float [n], seconds since 1970, by the worker's clock: only to put epochs of several trials in order.
    """

    epochs: npt.NDArray[np.int64]
    val_f1: Floats
    seconds: Floats
    when: Floats


@dataclass(frozen=True)
class Searched:
    """A search as a report tells of it.

    Attributes:
        folder: where its curves and predictions lie; of a search at an address, a copy.
        note: what is to be said of its state.
        rows: its trials, best first.
        curves: by trial; one that has reported nothing has none.
    """

    folder: Path
    name: str
    state: str
    note: str
    record: SearchRecord
    plan: Plan
    rows: Sequence[Row]
    curves: dict[str, Curve]

    @classmethod
    def read(cls, search: Path | str) -> Searched:
        """Read the search in a folder, or at an address.

        Raises:
            SearchError: no search is there, or it cannot be read. UriError: the address cannot be.
        """
        seen = Look.at(search)
        rows = ranked(seen.rows)
        best = next((row.trial for row in rows if _counts(row)), None)
        folder = fetched(search, best) if isinstance(search, str) else search.absolute()
        plan = from_record(folder, seen.record)
        curves = {row.trial: curve for row in rows if (curve := _curve(folder / row.trial)) is not None}
        return cls(folder, plan.name, seen.state, seen.note, seen.record, plan, rows, curves)

    @property
    def runs(self) -> bool:
        """Say whether there is more to come."""
        return self.state == State.RUNNING

    @property
    def unit(self) -> str:
        """What its cost is counted in: GPU-hours, or trial-hours."""
        return unit(self.plan.resources.gpus)

    @property
    def scored(self) -> list[Row]:
        """The trials that have a score, best first."""
        return list(filter(_counts, self.rows))

    @property
    def differing(self) -> list[str]:
        """The settings that differ between trials, in the space's order."""
        keys = list(self.plan.space.distributions)
        return [key for key in keys if len({str(row.settings.get(key)) for row in self.rows}) > 1]

    def best_so_far(self) -> tuple[Floats, Floats]:
        """Find the best val F1 after each epoch of any trial, against what had been spent by then: both float [n]."""
        if not self.curves:
            return np.zeros(0), np.zeros(0)
        curves = list(self.curves.values())
        order = np.argsort(np.concatenate([curve.when for curve in curves]), kind="stable")
        seconds, f1 = (
            np.concatenate([getattr(each, name) for each in curves])[order] for name in ("seconds", "val_f1")
        )
        return np.cumsum(seconds) / 3600 * price(self.plan.resources.gpus), np.maximum.accumulate(f1)


def _counts(row: Row) -> bool:
    return row.val_f1_best is not None and row.status != "failed"


def _curve(folder: Path) -> Curve | None:
    """Read what a trial has reported; an epoch that was done twice counts as it was the last time. It only shows a
    trial: a line that is damaged leaves a gap."""
    found: dict[int, tuple[float, float, float]] = {}
    with suppress(OSError):
        for result in reported(folder):
            with suppress(KeyError, TypeError, ValueError):
                if "diverged" not in result:
                    told = result["val_f1"], result["time_this_iter_s"], result["timestamp"]
                    found[int(result["training_iteration"])] = float(told[0]), float(told[1]), float(told[2])
    if not found:
        return None
    epochs = sorted(found)
    f1s, took, when = (np.array(values) for values in zip(*(found[epoch] for epoch in epochs), strict=True))
    return Curve(np.array(epochs), f1s, took, when)
