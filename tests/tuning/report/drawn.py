"""A search whose figures are drawn, for its report: nothing was trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.helpers.plans import begin, change
from tuning.plan.plan import Plan
from tuning.records import leaderboard
from tuning.records.rows import Row


def search(make_plan: Callable[..., Plan], store: Store, folder: Path, trials: int = 24, epochs: int = 9) -> Plan:
    """Write a finished search of drawn trials to `folder`: the nearer old_from is to 58, the better one is."""
    rng = np.random.default_rng(0)
    plan = make_plan(folder=folder, epochs=epochs, grace=epochs // 4 or 1)
    begin(plan, store.hash)
    rows = [_trial(plan, number, rng) for number in range(1, trials + 1)]
    leaderboard.write(folder, rows)
    hours = sum(row.seconds for row in rows) / 3600
    spent = {"trials": trials, "epochs": sum(row.epochs for row in rows), "hours": hours / 2, "gpu_hours": hours}
    dead = [row.trial for row in rows if row.status == "failed"]
    failed = [{"reason": "worker died", "diverged": False, "trials": dead}]
    change(folder, state=State.FINISHED, spent={**spent, "gpu_hours_saved": 0.1}, failed=failed)
    return plan


def _trial(plan: Plan, number: int, rng: np.random.Generator) -> Row:
    young, old, gaps = int(rng.integers(27, 33)), int(rng.integers(56, 61)), rng.integers(0, 3, 2)
    height = 0.75 - 0.04 * abs(old - 58) - 0.01 * abs(young - 29)
    stopped = height < 0.68 and number % 3 > 0
    epochs = max(1, plan.epochs // 4) if stopped else plan.epochs
    curve = height * np.arange(1, epochs + 1) / np.arange(3, epochs + 3) + rng.normal(0, 0.01, epochs)
    name, best = f"trial-{number:03d}", int(curve.argmax())
    lines = [
        {"training_iteration": e + 1, "val_f1": f1, "time_this_iter_s": 30.0, "timestamp": 1000 + 300 * number + 30 * e}
        for e, f1 in enumerate(curve)
    ]
    (plan.folder / name).mkdir()
    (plan.folder / name / "result.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    status = "failed" if number % 11 == 0 else "stopped" if stopped else "finished"
    settings = dict(zip(plan.space.distributions, (young, old, *map(int, gaps)), strict=True))
    low, high = float(curve[best]) - 0.05, float(curve[best]) + 0.05
    return Row(name, status, float(curve[best]), best + 1, float(curve[-1]), epochs, 30.0 * epochs, settings, low, high)
