"""Keeps search.json and leaderboard.csv up to date while a search runs."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

import files
from errors import SearchError
from tuning import leaderboard
from tuning.plan import Plan
from tuning.rows import Row, rows

PACKAGES = ("torch", "torchvision", "ray", "optuna", "numpy")


class Recorder(tune.Callback):
    """Rewrites both files when a trial has something new, at most once a second, and at the end."""

    def __init__(self, folder: Path, keys: list[str], epochs: int) -> None:
        self._folder, self._keys, self._epochs = folder, keys, epochs
        self._written: list[Row] = []
        self._when = 0.0

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if time.monotonic() - self._when > 1:
            self._write(trials)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self._write(trials)

    def _write(self, trials: list[Trial]) -> None:
        now = rows(trials, self._keys, self._epochs)
        self._when = time.monotonic()
        if now != self._written:
            leaderboard.write(self._folder, now)
            update(self._folder, spent=spent(now))
            self._written = now


def spent(rows: list[Row]) -> dict[str, Any]:
    """The budget used so far: trials started, epochs, and hours of trials' time (GPU-hours on one GPU a trial)."""
    return {
        "trials": len(rows),
        "epochs": sum(row.epochs for row in rows),
        "trial_hours": round(sum(row.seconds for row in rows) / 3600, 4),
    }


def create(plan: Plan, store_hash: str) -> None:
    """Make the search folder with its search.json."""
    plan.folder.mkdir(parents=True)
    about = {
        "command": sys.argv,
        "name": plan.name,
        "state": "running",
        "space": plan.space.name,
        "varies": list(plan.space.distributions),
        "settings": plan.settings,
        "profile": plan.profile.name,
        "trials": plan.trials,
        "epochs": plan.epochs,
        "grace": plan.grace,
        "seed": plan.seed,
        "resources": vars(plan.resources),
        "store": {"path": str(plan.store), "hash": store_hash},
        "versions": {name: version(name) for name in PACKAGES},
        "started": _now(),
        "spent": spent([]),
    }
    files.write_json(plan.folder / files.SEARCH, about)


def read(folder: Path) -> dict[str, Any]:
    """search.json of a search folder.

    Raises:
        SearchError: there is none, or it cannot be read.
    """
    file = folder / files.SEARCH
    try:
        about: dict[str, Any] = json.loads(file.read_text())
    except FileNotFoundError:
        raise SearchError(f"{folder} holds no search: there is no {files.SEARCH}; name a folder under runs/") from None
    except ValueError:
        raise SearchError(f"{file} is damaged: it is no JSON; the search cannot be read") from None
    return about


def update(folder: Path, **changes: Any) -> None:
    files.write_json(folder / files.SEARCH, {**read(folder), **changes})


def close(folder: Path, state: str) -> None:
    update(folder, state=state, ended=_now())


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
