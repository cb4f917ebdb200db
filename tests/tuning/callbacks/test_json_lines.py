from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tuning.callbacks.json_lines import Results, reported


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


def test_a_trial_that_has_reported_nothing_has_nothing(tmp_path: Path) -> None:
    assert list(reported(tmp_path)) == []
