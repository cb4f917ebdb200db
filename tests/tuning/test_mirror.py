"""A search that is kept at an address: it is what one in a folder is, and nothing of it needs this machine."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import addresses
from data_prep.store import Store
from tests.tuning.curve_trial import CurveTrial, SlowTrial
from tests.tuning.test_faults import board, study
from tuning import mirror, owner, record, search
from tuning.budget import Budget
from tuning.plan import Plan
from tuning.resources import Resources

ROOT = Path(__file__).resolve().parents[2]

DRIVER = """
import sys
from data_prep.store import Store
from tests.tuning.curve_trial import SlowTrial
from tests.tuning.test_mirror import at_address
from tests.tuning.plans import small_plan
from pathlib import Path
from tuning import search
from tuning.budget import Budget
from tuning.resources import Resources

store = Store.open(sys.argv[2])
search.start_ray()
plan = small_plan(Path("runs"), store, resources=Resources(1, 0, 1), budget=Budget(trials=4))
search.run(at_address(plan, sys.argv[1]), store, SlowTrial)
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(owner, "CLAIM", 0.1)


@pytest.fixture
def runs(tmp_path: Path) -> str:
    return f"file://{tmp_path}/there/runs"


def at_address(plan: Plan, runs: str) -> Plan:
    remote = addresses.child(runs, plan.name)
    return dataclasses.replace(plan, folder=mirror.place(remote), remote=remote)


def test_a_search_killed_and_resumed_on_another_machine_ends_as_an_undisturbed_one_in_a_folder(
    ray_session: None,
    make_plan: Callable[..., Plan],
    small_store: Store,
    tmp_path: Path,
    runs: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calm = make_plan(resources=Resources(1, 0, 1), budget=Budget(trials=4))
    search.run(calm, small_store, CurveTrial)

    there = tmp_path / "there/runs/age_bands"
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, runs, str(small_store.path)], cwd=ROOT)
    until = time.monotonic() + 60
    while len(list(there.glob("state/*/manifest.json"))) < 2 or not list(there.glob("trial-002/checkpoint_*")):
        assert driver.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    time.sleep(2)
    driver.kill()
    driver.wait()

    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "another"))
    disturbed = at_address(calm, runs)
    assert not disturbed.folder.exists()
    folder = mirror.pulled(disturbed.remote or "")
    rows = search.resume(search.resumable(folder, remote=disturbed.remote), SlowTrial)

    assert len(rows) == 4
    for where in (disturbed.folder, there):
        plan = dataclasses.replace(disturbed, folder=where)
        assert board(plan).drop(columns="seconds").equals(board(calm).drop(columns="seconds"))
        assert study(plan) == study(calm)
    assert record.read(there)["state"] == "finished"
    assert not list(there.glob("**/checkpoint_*"))
    assert not (there / ".owner.json").exists()
    for file in there.glob("trial-*/result.json"):
        lines = [json.loads(line)["training_iteration"] for line in file.read_text().splitlines()]
        assert set(lines) == set(range(1, max(lines) + 1)), file
    assert not list((tmp_path / "another/trials").glob("*/**/checkpoint_*")), "no copy stays"
