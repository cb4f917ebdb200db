"""Keeps search.json and leaderboard.csv up to date while a search runs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

import files
from errors import SearchError
from tuning import leaderboard
from tuning import plan as planning
from tuning.budget import Spent
from tuning.cost import saved_hours
from tuning.meter import Meter
from tuning.plan import Plan
from tuning.resources import price
from tuning.rows import Row, rows

PACKAGES = ("torch", "torchvision", "ray", "optuna", "numpy")

ROOT = Path(__file__).resolve().parent.parent
CODE = ("trainable", "data_prep/labels.py", "data_prep/store.py", "data_prep/split.py")
"""What decides a trial's score: trials of one search should have been trained by one version of it."""


class Recorder(tune.Callback):
    """Rewrites both files when a trial has something new, at most once a second, and at the end."""

    def __init__(self, plan: Plan, meter: Meter) -> None:
        self._plan, self._meter = plan, meter
        self._pause, self._when = 1.0, 0.0

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if time.monotonic() - self._when > self._pause:
            began = time.monotonic()
            self._write(trials)
            self._when = time.monotonic()
            # A search of thousands of trials takes longer to write down: at most a twentieth of the time goes there.
            self._pause = max(1.0, 20 * (self._when - began))

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self._write(trials)

    def _write(self, trials: list[Trial]) -> None:
        now = rows(trials, self._plan.space.distributions, self._plan.epochs)
        leaderboard.write(self._plan.folder, now)
        update(self._plan.folder, spent=spent(now, self._meter.spent, self._plan))


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
    files.write_json(folder / files.SEARCH, about)


def versions() -> dict[str, str]:
    return {name: version(name) for name in PACKAGES}


def code_hash() -> str:
    """SHA-256 of the sources that decide a trial's score."""
    digest = hashlib.sha256()
    for file in sorted(file for name in CODE for file in _sources(ROOT / name)):
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


def read(folder: Path) -> dict[str, Any]:
    """search.json of a search folder.

    Raises:
        SearchError: there is none, or it cannot be read.
    """
    try:
        return _about(folder)
    except (FileNotFoundError, NotADirectoryError):
        raise SearchError(f"{folder} holds no search: there is no {files.SEARCH}; name a folder under runs/") from None


def _about(folder: Path) -> dict[str, Any]:
    file = folder / files.SEARCH
    try:
        about: dict[str, Any] = json.loads(file.read_text())
    except ValueError:
        raise SearchError(f"{file} is damaged: it is no JSON; the search cannot be read") from None
    return about


def update(folder: Path, **changes: Any) -> None:
    """Raises OSError: it is not there, or cannot be written."""
    files.write_json(folder / files.SEARCH, {**_about(folder), **changes})


def close(folder: Path, state: str, **more: Any) -> None:
    update(folder, state=state, ended=_now(), **more)


def _sources(path: Path) -> list[Path]:
    return [file for ending in ("py", "cu") for file in path.rglob(f"*.{ending}")] if path.is_dir() else [path]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
