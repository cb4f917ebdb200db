"""What tests of the GPU check ask it, and what they find."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Finding
from benchmarks.gpu.record import Record
from benchmarks.gpu.report import Report
from tests.helpers.patience import HANGS


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Told(Report):
    """A report that can do something when a part has found something."""

    then: Callable[[], None] = staticmethod(lambda: None)

    def found(self, outcome: Any, finding: Finding) -> None:
        super().found(outcome, finding)
        self.then()


Checked = Callable[..., Record]


def found(record: Record, part: str) -> list[Finding]:
    return next(outcome.findings for outcome in record.outcomes if outcome.name == part)


def value(record: Record, part: str, name: str) -> Any:
    return next(finding.values[name] for finding in found(record, part) if name in finding.values)


def is_gone(pid: int) -> bool:
    """Within a minute; a process that nobody has buried yet is gone."""
    until = time.monotonic() + HANGS
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.1)
    return False


def read_json(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text()) if file.exists() else {}
