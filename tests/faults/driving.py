"""Runs a search of deterministic trials in a process of its own, for tests that kill it.

python -m tests.faults.driving RUNS STORE TRIALS CONCURRENT [MACHINE]

With a MACHINE it takes itself for one of that name, which locks of others do not reach. Its clock is ahead by
CLOCK_AHEAD seconds, if the environment names some.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STARTED: list[subprocess.Popen[bytes]] = []


def start(
    runs: Path, store: Path, trials: int, concurrent: int, machine: str = "", **environment: str
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.faults.driving", str(runs), str(store), str(trials), str(concurrent)]
    named = [machine] if machine else []
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE if machine else subprocess.DEVNULL}
    started = subprocess.Popen([*command, *named], cwd=ROOT, env={**os.environ, **environment}, **streams)
    STARTED.append(started)
    return started


def apart(name: str) -> None:
    """Be another machine, as far as who runs a search goes, whose patience is a tenth of a real one's."""
    import fcntl

    from common import machine
    from tuning.ownership import lock

    fcntl.flock = lambda descriptor, operation: None  # type: ignore[assignment]
    machine.identity = lambda: name
    lock.BEAT, lock.DEAD = lock.BEAT / 10, lock.DEAD / 10


def main(runs: str, store: str, trials: str, concurrent: str, machine: str = "") -> None:
    if machine:
        apart(machine)
    real, ahead = time.time, float(os.environ.get("CLOCK_AHEAD", "0"))
    time.time = lambda: real() + ahead
    from data_prep.store.store import Store
    from tests.tuning.helpers.curve_trial import SlowTrial
    from tests.tuning.helpers.plans import small_plan
    from tuning import resume, search
    from tuning.cluster import session
    from tuning.plan.budget import Budget
    from tuning.plan.resources import Resources
    from tuning.records import search_json
    from tuning.storage import states

    opened = Store.open(store)
    chosen = {"resources": Resources(1, 0, int(concurrent)), "budget": Budget(trials=int(trials))}
    plan = small_plan(Path(runs), opened, **chosen)
    session.start_ray()
    if plan.folder.exists() and not states.exists(plan.folder):  # as the error says: nothing was recorded
        shutil.rmtree(plan.folder)
    if plan.folder.exists() and search_json.read(plan.folder).state == "finished":
        return
    if plan.folder.exists():
        search.resume(resume.resumable(plan.folder), SlowTrial)
    else:
        search.run(plan, opened, SlowTrial)


if __name__ == "__main__":
    main(*sys.argv[1:])
