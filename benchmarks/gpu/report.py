"""What a person sees of the check: lines while it runs, a table at its end, and the same as markdown from its JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.gpu.part import Finding, Part
from benchmarks.gpu.record import NOT_ASKED, Outcome, Record
from common.errors import OptionError
from common.files import write_json

RESULTS = {True: "OK", False: "FAULT", None: ""}
FACTS = (
    "gpu",
    "capability",
    "gpu_memory",
    "driver",
    "cpu",
    "cores",
    "dtype",
    "python",
    "torch",
    "cuda",
    "cudnn",
    "numpy",
)
"""Of the machine, what a table names, in this order."""


class Report:
    """Prints what happens as it happens; the record is written to `out` after every part."""

    def __init__(self, record: Record, out: Path) -> None:
        self.record, self._out = record, out

    def must_write(self) -> None:
        """Write before anything is done for it. Raises OptionError where that cannot be."""
        try:
            write_json(self._out, self.record.to_json())
        except OSError as error:
            raise OptionError(f"--out {self._out}: cannot be written: {error.strerror}") from None

    def starts(self, parts: Sequence[Part]) -> None:
        seconds = sum(part.seconds for part in parts)
        say(f"{len(parts)} parts, about {seconds:.0f} s, of {60 * self.record.minutes:.0f} at most\n")

    def begins(self, part: Part, estimate: float) -> Outcome:
        say(f"{part.about:<72}  about {estimate:.0f} s")
        return self.record.begin(part, estimate)

    def found(self, outcome: Outcome, finding: Finding) -> None:
        outcome.findings.append(finding)
        say(line(finding))

    def ended(self, outcome: Outcome, seconds: float, in_all: float) -> None:
        outcome.seconds = round(seconds, 1)
        self.record.seconds = in_all
        self.write()

    def leaves_out(self, part: Part, why: str) -> None:
        self.record.left_out[part.name] = why
        say(f"left out: {part.name}: {why}")

    def write(self) -> None:
        """A disk that is full costs the file, not the check."""
        try:
            write_json(self._out, self.record.to_json())
        except OSError as error:
            print(f"note: {self._out} cannot be written: {error.strerror}", file=sys.stderr)

    def ends(self) -> None:
        self.write()
        say("\n" + "\n".join(table(self.record.to_json())))
        say(f"\n{self.record.verdict()}")
        say(f"\n{self.record.seconds:.0f} s; written to {self._out}; as markdown:")
        say(f"\n    python -m benchmarks.gpu --table {self._out}")


def say(text: str) -> None:
    print(text, flush=True)


def line(finding: Finding) -> str:
    return f"  {RESULTS[finding.right]:<5}  {finding.name:<30}  {finding.said}".rstrip()


def table(about: Mapping[str, Any]) -> list[str]:
    """The JSON as lines of one table for the terminal."""
    cells = [("part", "", "what", "found"), *((part, *rest) for part, _, *rest in _rows(about))]
    widths = [max(len(row[column]) for row in cells) for column in range(3)]
    lines = ["  ".join([*(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=False)), row[3]]) for row in cells]
    return [text.rstrip() for text in (lines[0], "-" * min(120, max(map(len, lines))), *lines[1:])]


def markdown(about: Mapping[str, Any]) -> str:
    """The JSON as a section of benchmarks/README.md: heading, what it ran on, table, verdict."""
    machine = about["machine"]
    facts = [_fact(name, machine[name]) for name in FACTS if machine.get(name) not in (None, "")]
    when = f"{about['date'][:10]}, {about['seconds']:.0f} s of {about['minutes']:g} minutes"
    rows = [[part, seconds, what, result, found] for part, seconds, result, what, found in _rows(about)]
    lines = [["part", "seconds", "what", "", "found"], ["---", "---:", "---", "---", "---"], *rows]
    head = f"## gpu: {machine.get('gpu') or machine.get('cpu') or about['device']}"
    body = "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)
    return "\n\n".join([head, f"{', '.join(facts)}; {when}.", body, f"{about['verdict']}."]) + "\n"


def _rows(about: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str, str]]:
    """(part, seconds, result, what, found): one a finding, the part named in its first; then what never began."""
    for part in about["parts"]:
        name, seconds = part["name"], f"{part['seconds']:.0f}"
        for finding in part["findings"]:
            yield name, seconds, RESULTS[finding["right"]], finding["name"], finding["said"]
            name = seconds = ""
        if name:
            yield name, seconds, "", "", "nothing"
    began = {part["name"] for part in about["parts"]}
    for name, why in about["left_out"].items():
        if why != NOT_ASKED and name not in began:
            yield name, "", "", "left out", why


def _fact(name: str, value: Any) -> str:
    plain = ("gpu", "capability", "gpu_memory", "cpu", "dtype")
    return str(value) if name in plain else f"{value} cores" if name == "cores" else f"{name} {value}"


def read(file: Path) -> dict[str, Any]:
    """A JSON of an earlier run.

    Raises:
        OptionError: it cannot be read, or holds something else.
    """
    try:
        about: dict[str, Any] = json.loads(file.read_text())
        markdown(about)
    except OSError as error:
        raise OptionError(f"--table {file}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise OptionError(f"--table {file}: not a JSON that python -m benchmarks.gpu --out wrote") from None
    return about
