from __future__ import annotations

import json
import os

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import surroundings
from benchmarks.gpu.record import Record


def test_surroundings_name_the_machine_and_the_packages() -> None:
    record = Record(8, "cpu")
    outcome = record.begin(surroundings.PART, 8)
    outcome.findings += surroundings.look(command.SETTINGS["cpu"])
    assert (record.faults, record.checks) == ([], 1)
    machine = record.machine
    assert machine["gpu"] is None
    assert machine["cores"] == len(os.sched_getaffinity(0))
    assert machine["packages"]["optuna"] and machine["packages"]["onnxruntime-gpu"] is None
    assert {"torch", "python", "numpy", "dtype", "cpu"} <= machine.keys()
    assert json.loads(json.dumps(machine)) == machine


@pytest.mark.parametrize(("number", "version"), [(None, None), (91002, "9.10.2"), (8907, "8.9.7")])
def test_cudnns_number_is_its_version(monkeypatch: pytest.MonkeyPatch, number: int | None, version: str | None) -> None:
    monkeypatch.setattr(surroundings.torch.backends.cudnn, "version", lambda: number)
    assert surroundings._cudnn() == version
