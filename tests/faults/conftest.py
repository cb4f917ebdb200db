"""Faults made on purpose. `make test` makes a few of each; `make faults` all of them, and keeps what it saw.

What has passed with this code is in benchmarks/faults.json and is not done again; benchmarks/faults.md is its table.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from common import files

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
