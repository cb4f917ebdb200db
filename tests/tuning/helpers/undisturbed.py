"""A search that nothing happens to, for those to be compared with that are killed, interrupted or moved."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from data_prep.store.store import Store
from tests.tuning.helpers.curve_trial import CurveTrial
from tests.tuning.helpers.plans import small_plan
from tuning import search
from tuning.algorithms.asha import Asha
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources

Rungs = dict[int, list[float]]
"""Epoch -> the scores of the trials that came so far, in order."""


@dataclass(frozen=True)
class Undisturbed:
    """A search of six trials, one at a time, that is finished."""

    plan: Plan
    rungs: Rungs


def undisturbed(runs: Path, store: Store) -> Undisturbed:
    """Run it to its end; Ray must have been started."""
    plan = small_plan(runs, store, resources=Resources(cpus=1, gpus=0, concurrent=1))
    with schedulers() as made:
        search.run(plan, store, CurveTrial)
    return Undisturbed(plan, rungs(made[-1]))


@contextmanager
def schedulers() -> Iterator[list[Asha]]:
    """Within it, the schedulers of searches, the last one last."""
    made: list[Asha] = []

    class Watched(Asha):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            made.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search, "Asha", Watched)
        yield made


def rungs(scheduler: Asha) -> Rungs:
    return {epoch: sorted(values.values()) for epoch, values in scheduler._brackets[0]._rungs}
