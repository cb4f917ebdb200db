"""Faults made on purpose. `make test` makes a few of each; `make faults` all of them, and keeps what it saw.

What has passed with this code is in benchmarks/faults.json and is not done again; benchmarks/faults.md is its table.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from common import files
from data_prep.store.store import Store
from tests.faults import driving
from tests.tuning.helpers.curve_trial import CurveTrial
from tuning import search
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources

ROOT = Path(__file__).resolve().parents[2]
KEPT, TABLE = ROOT / "benchmarks/faults.json", ROOT / "benchmarks/faults.md"


Count = TypeVar("Count")


@dataclass
class Campaign:
    """Of one fault.

    Attributes:
        fault: its name, which is the test's.
        full: whether all of them are made.
    """

    fault: str
    full: bool

    def count(self, few: Count, many: Count) -> Count:
        """How many of them, or which; skips the test where all have been made with this code already."""
        if self.full and kept().get(self.fault, {}).get("code") == code():
            pytest.skip(f"passed already: {KEPT.name}")
        return many if self.full else few

    def record(self, **figures: Any) -> None:
        """What was seen, in the words of its names: `epochs_repeated=3`."""
        if self.full:
            seen = {"when": f"{datetime.now(UTC):%Y-%m-%d}", "figures": figures, "code": code()}
            everything = {**kept(), self.fault: seen}
            files.write_json(KEPT, everything)
            files.write_text(TABLE, table(everything))


@pytest.fixture
def campaign(request: pytest.FixtureRequest) -> Campaign:
    fault = request.node.name.removeprefix("test_").replace("_", " ")
    return Campaign(fault, bool(request.config.getoption("--full")))


@pytest.fixture(autouse=True)
def _drivers_end_with_their_test() -> Iterator[None]:
    yield
    while driving.STARTED:
        driving.STARTED.pop().kill()


@pytest.fixture
def undisturbed(
    request: pytest.FixtureRequest, make_plan: Callable[..., Plan], small_store: Store, tmp_path: Path
) -> Callable[..., tuple[Plan, Plan]]:
    """Search undisturbed, so many trials one at a time: its plan, and that of the same search elsewhere, to disturb."""

    def searched(trials: int, folder: Path | None = None) -> tuple[Plan, Plan]:
        request.getfixturevalue("ray_session")
        one = {"resources": Resources(cpus=1, gpus=0, concurrent=1), "budget": Budget(trials=trials)}
        calm = make_plan(folder=tmp_path / "calm/age_bands", **one)
        search.run(calm, small_store, CurveTrial)
        return calm, make_plan(**one, **({"folder": folder} if folder else {}))

    return searched


def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return found


def code() -> str:
    """SHA-256 of what runs a search, and of the faults."""
    digest = hashlib.sha256()
    for room in ("tuning", "trainable", "tests/faults"):
        for file in sorted((ROOT / room).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def table(seen: dict[str, Any]) -> str:
    lines = [
        "# Faults",
        "",
        "Written by `make faults`: each line is a test under tests/faults/ that passed with all its faults made.",
        "",
        "| promise | seen | on |",
        "|---|---|---|",
    ]
    for fault, each in sorted(seen.items()):
        figures = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in each["figures"].items())
        lines.append(f"| {fault} | {figures} | {each['when']} |")
    return "\n".join(lines) + "\n"
