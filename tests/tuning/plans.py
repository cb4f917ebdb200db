"""A small search plan for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from data_prep.store import Store
from tuning import profile, spaces
from tuning.budget import Budget
from tuning.plan import Plan, settings
from tuning.resources import Resources


def small_plan(runs: Path, store: Store, **changes: Any) -> Plan:
    """Up to six trials of age_bands, up to nine epochs, one core a trial, two at a time."""
    space = spaces.load("age_bands")
    epochs = changes.get("epochs", 9)
    fields = {
        "folder": runs / "age_bands",
        "space": space,
        "profile": profile.SAMPLE,
        "store": str(store.path),
        "settings": settings(space, profile.SAMPLE, epochs=epochs, seed=1),
        "budget": Budget(trials=6),
        "epochs": epochs,
        "grace": 1,
        "reduction": 3,
        "keep": 3,
        "resources": Resources(cpus=1, gpus=0, concurrent=2),
        "seed": 1,
    }
    return Plan(**{**fields, **changes})
