"""What the check has found so far, whether a search would run well by it, and both as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.gpu.part import Finding, Part

SEARCHING = ("ray", "optuna")
"""Packages without which trials train, but no search runs."""


NOT_ASKED = "not asked for"
"""Why a part is left out that was not among --parts: it need not be named."""


@dataclass
class Outcome:
    """One part that was run.

    Attributes:
        estimate, seconds: that it was to take, and took.
    """

    name: str
    about: str
    estimate: float
    seconds: float = 0.0
    findings: list[Finding] = field(default_factory=list)

    @property
    def faulty(self) -> bool:
        return any(finding.right is False for finding in self.findings)


@dataclass
class Record:
    """Everything so far.

    Attributes:
        minutes: that it may take.
        device: "cuda" or "cpu".
        date: of its start, ISO 8601.
        seconds: since then.
        left_out: parts by name, and why.
    """

    minutes: float
    device: str
    date: str = field(default_factory=lambda: datetime.now().astimezone().isoformat(timespec="seconds"))
    seconds: float = 0.0
    outcomes: list[Outcome] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    interrupted: bool = False

    def begin(self, part: Part, estimate: float) -> Outcome:
        self.outcomes.append(Outcome(part.name, part.about, round(estimate, 1)))
        return self.outcomes[-1]

    @property
    def machine(self) -> dict[str, Any]:
        """The values of the first part, which looks at what is there."""
        findings = self.outcomes[0].findings if self.outcomes else []
        return {name: value for finding in findings for name, value in finding.values.items() if name != "output"}

    @property
    def faults(self) -> list[str]:
        return [label(outcome.name, finding) for outcome, finding in self._findings() if finding.right is False]

    @property
    def checks(self) -> int:
        return sum(finding.right is True for _, finding in self._findings())

    @property
    def fit(self) -> bool:
        return not self.faults and self.checks > 0 and not self.interrupted

    def verdict(self) -> str:
        """One line: whether it is fit, by what, and what was not looked at."""
        if self.faults:
            many = "s" if len(self.faults) > 1 else ""
            said = f"not fit for searching: {len(self.faults)} fault{many}: {', '.join(self.faults)}"
        elif self.interrupted:
            said = f"interrupted: {_checks(self.checks)} OK until then"
        elif not self.checks:
            said = "not fit for searching, as far as is known: nothing was checked"
        else:
            limits = ", as far as was looked" if self.left_out else ""
            said = f"fit for searching{limits}: {_checks(self.checks)} OK"
        return "; ".join([said, *self._more()])

    def _more(self) -> Iterator[str]:
        if not self.faults:
            yield from (finding.headline for _, finding in self._findings() if finding.headline)
        if self.device == "cpu":
            yield "no GPU was looked at"
        if missing := self.missing:
            yield f"not installed, and needed: {', '.join(missing)}"
        if names := [name for name, why in self.left_out.items() if why != NOT_ASKED]:
            yield f"{len(names)} left out ({', '.join(names)})"
        if others := len(self.left_out) - len(names):
            yield f"{others} not asked for"

    @property
    def missing(self) -> list[str]:
        """Packages that a search, or a part, would have needed."""
        versions = self.machine.get("packages", {})
        needed = [name for name in SEARCHING if name in versions and versions[name] is None]
        missed = [name for _, finding in self._findings() for name in finding.values.get("missing", [])]
        return list(dict.fromkeys([*needed, *missed]))

    def _findings(self) -> Iterator[tuple[Outcome, Finding]]:
        return ((outcome, finding) for outcome in self.outcomes for finding in outcome.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "date": self.date,
            "seconds": round(self.seconds, 1),
            "minutes": self.minutes,
            "device": self.device,
            "machine": self.machine,
            "parts": [asdict(outcome) for outcome in self.outcomes],
            "left_out": self.left_out,
            "interrupted": self.interrupted,
            "verdict": self.verdict(),
            "fit": self.fit,
        }


def _checks(number: int) -> str:
    return f"{number} check{'s' if number != 1 else ''}"


def label(part: str, finding: Finding) -> str:
    """A finding's name for where its part is not in sight."""
    return part if finding.name == part else f"{part}: {finding.name}"
