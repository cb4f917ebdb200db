"""The GPU check with parts that take no time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu.part import Part
from benchmarks.gpu.record import Record
from benchmarks.gpu.run import Minutes, Runner
from common.command_line import exit_code
from tests.benchmarks.gpu import parts
from tests.benchmarks.gpu.checking import Checked, Told


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(Record(8, "cpu"), tmp_path / "found.json")


@pytest.fixture
def checked(tmp_path: Path, told: Told) -> Checked:
    """Runs parts in processes without torch; those that `first` names are needed by the others."""

    def check(*others: Part, first: tuple[Part, ...] = (), minutes: Minutes | None = None) -> Record:
        runner = Runner(command.SETTINGS["cpu"], minutes or Minutes(3600), told, tmp_path, {}, parts.look_at_nothing)
        try:
            runner.run(first, others)
        finally:
            runner.end()
        return told.record

    return check


@pytest.fixture
def main(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """The command with parts of ours."""

    def run_it(*options: str, first: tuple[Part, ...] = (parts.FINE,), others: tuple[Part, ...] = ()) -> int:
        monkeypatch.setattr(command, "order", lambda drawn: (list(first), list(others)))
        monkeypatch.setattr(command, "Runner", partial(Runner, look=parts.look_at_nothing))
        return exit_code(lambda: command.main(list(options)))

    return run_it
