from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tuning.callbacks.json_lines import Results
from tuning.records.results import reported


class Written(SimpleNamespace):
    """A trial, as far as its logger looks; it can be a key, as Ray's can."""

    __hash__ = object.__hash__


def trial(folder: Path) -> Any:
    storage = SimpleNamespace(storage_filesystem=None)
    return Written(checkpoint=None, local_path=str(folder), config={}, init_local_path=lambda: None, storage=storage)


def test_a_line_that_a_killed_driver_left_half_written_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"training_iteration": 1}\n{"training_it')
    assert [each["training_iteration"] for each in reported(tmp_path)] == [1]
    results, one = Results(), trial(tmp_path)
    results.log_trial_start(one)
    results.log_trial_result(1, one, {"training_iteration": 2})
    results.log_trial_end(one)
    assert [each["training_iteration"] for each in reported(tmp_path)] == [1, 2]


@pytest.mark.parametrize("torn", [b"\0" * 4096, b'{"training_iteration": 2}\n' + b"\0" * 100 + b"\n", b"[1]\n\xff\n"])
def test_what_a_power_cut_leaves_of_a_line_is_passed_over_and_cut_off(torn: bytes, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(b'{"training_iteration": 1}\n' + torn)
    before = [each["training_iteration"] for each in reported(tmp_path)]
    assert before == ([1, 2] if b": 2" in torn else [1])
    results, one = Results(), trial(tmp_path)
    results.log_trial_start(one)
    results.log_trial_result(1, one, {"training_iteration": 3})
    results.log_trial_end(one)
    assert [each["training_iteration"] for each in reported(tmp_path)] == [*before, 3]
    assert b"\0" not in file.read_bytes()


def test_a_trial_that_has_reported_nothing_has_nothing(tmp_path: Path) -> None:
    assert list(reported(tmp_path)) == []
