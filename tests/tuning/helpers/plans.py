"""A small search plan for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_prep.store.store import Store
from tuning.plan import profiles, spaces
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.plan.settings import shared_settings
from tuning.records import search_json
from tuning.storage.states import States


def small_plan(runs: Path, store: Store, **changes: Any) -> Plan:
    """Up to six trials of age_bands, up to nine epochs, one core a trial, two at a time."""
    space = spaces.load("age_bands")
    epochs = changes.get("epochs", 9)
    fields = {
        "folder": runs / "age_bands",
        "space": space,
        "profile": profiles.SAMPLE,
        "store": str(store.path),
        "settings": shared_settings(space, profiles.SAMPLE, epochs=epochs, seed=1),
        "budget": Budget(trials=6),
        "epochs": epochs,
        "grace": 1,
        "reduction": 3,
        "keep": 3,
        "resources": Resources(cpus=1, gpus=0, concurrent=2),
        "seed": 1,
    }
    return Plan(**{**fields, **changes})


def begin(plan: Plan, store_hash: str) -> None:
    """The search's folder, as it is before its first trial."""
    plan.folder.mkdir(parents=True)
    search_json.new(plan, store_hash).write(plan.folder, flushed=True)


def change(folder: Path, **changes: Any) -> None:
    """What the record of the search in `folder` says, changed as no program would."""
    record = search_json.read(folder).changed(changes)
    record.write(folder)
    States(folder).record(record)
