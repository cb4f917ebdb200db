import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.tuning.storage.test_disk import full, small_disk  # noqa: F401
from tuning.callbacks.json_lines import Results
from tuning.records.results import reported


def trial(folder: Path, **config: Any) -> Any:
    """A trial, as far as its results go."""
    return SimpleNamespace(storage=SimpleNamespace(trial_fs_path=str(folder)), config=config)


def epochs(folder: Path) -> list[int]:
    return [each["training_iteration"] for each in reported(folder)]


def start(one: Any) -> Results:
    results = Results()
    results.on_trial_start(1, [], one)
    return results


def report(results: Results, one: Any, epoch: int, **more: Any) -> None:
    results.on_trial_result(1, [], one, {"training_iteration": epoch, **more})


def test_a_line_that_a_killed_driver_left_half_written_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"training_iteration": 1}\n{"training_it')
    assert epochs(tmp_path) == [1]
    report(start(one := trial(tmp_path)), one, 2)
    assert epochs(tmp_path) == [1, 2]


@pytest.mark.parametrize("torn", [b"\0" * 4096, b'{"training_iteration": 2}\n' + b"\0" * 100 + b"\n", b"[1]\n\xff\n"])
def test_what_a_power_cut_leaves_of_a_line_is_passed_over_and_cut_off(torn: bytes, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    file.write_bytes(b'{"training_iteration": 1}\n' + torn)
    before = epochs(tmp_path)
    assert before == ([1, 2] if b": 2" in torn else [1])
    report(start(one := trial(tmp_path)), one, 3)
    assert epochs(tmp_path) == [*before, 3]
    assert b"\0" not in file.read_bytes()


def test_a_line_that_a_full_disk_took_in_part_is_cut_off_when_it_is_tried_again(small_disk: Path) -> None:  # noqa: F811
    results = start(one := trial(small_disk / "trial-001"))
    report(results, one, 1)
    ballast = full(small_disk)
    with pytest.raises(OSError) as refusal:
        report(results, one, 2, much="x" * 100_000)
    assert refusal.value.errno == errno.ENOSPC
    os.truncate(ballast, 0)
    report(results, one, 2, much="x" * 100_000)
    report(results, one, 3)
    assert epochs(small_disk / "trial-001") == [1, 2, 3]
    assert len((small_disk / "trial-001/result.json").read_bytes().splitlines()) == 3


def test_a_folder_that_somebody_removes_costs_the_lines_that_were_in_it(tmp_path: Path) -> None:
    results = start(one := trial(tmp_path / "trial-001"))
    report(results, one, 1)
    shutil.rmtree(tmp_path / "trial-001")
    report(results, one, 2)
    assert epochs(tmp_path / "trial-001") == [2]


def test_numbers_of_numpy_are_numbers_and_settings_stand_beside(tmp_path: Path) -> None:
    results = start(one := trial(tmp_path, labels={"old_from": np.int64(58)}))
    report(results, one, 1, val_f1=np.float32(0.5))
    assert next(reported(tmp_path))["val_f1"] == 0.5
    assert '"old_from": 58' in (tmp_path / "params.json").read_text()


def test_a_trial_that_has_reported_nothing_has_nothing(tmp_path: Path) -> None:
    assert list(reported(tmp_path)) == []
