"""How parts are run: in processes, in turn, within the minutes."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest

from benchmarks.gpu import run
from benchmarks.gpu.part import Part
from benchmarks.gpu.run import Minutes
from tests.benchmarks.gpu import parts
from tests.benchmarks.gpu.checking import Checked, Clock, Told, found, is_gone, value
from tests.helpers.patience import HANGS


def test_parts_share_a_process_and_what_they_find_is_plain(checked: Checked) -> None:
    record = checked(parts.FINE, parts.ITSELF)
    assert [finding.said for finding in found(record, "fine")][1:] == ["2"]
    assert value(record, "fine", "share") == 0.5
    assert value(record, "fine", "figures") == [0, 1]
    assert value(record, "fine", "pid") == value(record, "itself", "pid") != os.getpid()
    assert record.verdict() == "fit for searching: 1 check OK; sums are right; no GPU was looked at"


def test_an_exception_is_a_fault_what_was_found_before_is_kept_and_the_next_part_has_a_new_process(
    checked: Checked,
) -> None:
    record = checked(parts.ITSELF, parts.RAISING, parts.FINE)
    before, error = found(record, "raising")
    assert (before.right, error.right) == (True, False)
    assert error.said == "RuntimeError: CUDA error: an illegal memory access was encountered"
    assert "in _raising" in error.values["output"]
    assert value(record, "fine", "pid") != value(record, "itself", "pid")
    assert record.verdict() == "not fit for searching: 1 fault: raising; no GPU was looked at"


def test_a_package_that_is_not_installed_is_neither_right_nor_a_fault(checked: Checked) -> None:
    record = checked(parts.NEEDING_RAY, parts.FINE)
    (missing,) = found(record, "needing")
    assert (missing.right, missing.said) == (None, "not tried: ray is not installed")
    assert record.fit
    assert record.verdict().endswith("; no GPU was looked at; not installed, and needed: ray")


@pytest.mark.parametrize(("part", "how"), [(parts.DYING, "exit code 7"), (parts.KILLED, "SIGKILL")])
def test_a_part_whose_process_dies_is_a_fault_and_the_others_go_on(checked: Checked, part: Part, how: str) -> None:
    record = checked(part, parts.FINE)
    died = found(record, part.name)[-1]
    assert (died.said, died.right) == (f"its process ended: {how}", False)
    assert ("last words" in died.values["output"]) == (part is parts.DYING)
    assert len(found(record, part.name)) == (2 if part is parts.DYING else 1)
    assert [finding.right for finding in found(record, "fine")] == [None, True]


def an_hour_later_once_it_hangs(clock: Clock, log: Path) -> None:
    """Let an hour pass when the part has come to where it hangs, however long that takes."""
    until = time.monotonic() + HANGS
    while parts.HANGS not in log.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)
    clock.now = 3600.0


def test_a_part_that_hangs_is_a_fault_and_leaves_no_process(
    checked: Checked, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(run.AT_LEAST, "cpu", 8.0)
    monkeypatch.setattr(run, "PATIENCE", 0.0)
    clock = Clock()
    told.then = partial(an_hour_later_once_it_hangs, clock, tmp_path / "worker-1.log")
    record = checked(parts.HANGING, parts.FINE, minutes=Minutes(7200, clock))
    silent = found(record, "hanging")[-1]
    assert silent.right is False
    assert silent.said.startswith(f"no answer in 8 s, in {parts.__file__}, line "), "where it hung"
    assert "in _hanging" in silent.values["output"]
    assert is_gone(value(record, "hanging", "pid"))
    assert [finding.right for finding in found(record, "fine")] == [None, True]


def test_a_part_that_is_cut_off_by_the_minutes_is_left_out_and_no_fault(
    checked: Checked, told: Told, tmp_path: Path
) -> None:
    clock = Clock()
    told.then = partial(an_hour_later_once_it_hangs, clock, tmp_path / "worker-1.log")
    record = checked(parts.HANGING, minutes=Minutes(60, clock))
    assert [finding.right for finding in found(record, "hanging")] == [None, None]
    assert record.left_out == {"hanging": "cut off when the minutes were spent"}
    assert record.verdict().startswith("not fit for searching, as far as is known: nothing was checked; no GPU")


def test_a_part_that_no_longer_fits_is_left_out_and_a_shorter_one_still_runs(checked: Checked) -> None:
    record = checked(parts.LONG, parts.FINE, minutes=Minutes(1800, Clock()))
    assert record.left_out == {"long": "it takes about 3600 s, and 1800 s are left"}
    assert record.verdict().startswith("fit for searching, as far as was looked: 1 check OK; ")
    assert record.verdict().endswith("; 1 left out (long)")


def test_estimates_grow_where_parts_take_longer_and_never_shrink() -> None:
    minutes = Minutes(480, Clock())
    assert minutes.estimate(parts.LONG) == 3600
    minutes.learn(parts.FINE, 0.1)
    assert minutes.estimate(parts.FINE) == 1
    minutes.learn(Part("slow", "", 30, parts.FINE.run), 120)
    assert 2 < minutes.estimate(parts.FINE) < 3


def test_a_part_is_told_how_long_it_may_take(checked: Checked) -> None:
    assert value(checked(parts.ITSELF), "itself", "seconds") == 1


def test_a_part_with_cores_or_variables_has_a_process_of_its_own(checked: Checked) -> None:
    record = checked(parts.ITSELF, parts.ON_ONE_CORE, parts.WITH_VARIABLE, parts.FINE)
    names = ("itself", "one core", "variable")
    assert [value(record, name, "variable") for name in names] == [None, None, "1"]
    assert value(record, "one core", "cores") == 1
    assert value(record, "variable", "cores") == len(os.sched_getaffinity(0))
    assert len({value(record, name, "pid") for name in names}) == 3
    assert value(record, "fine", "pid") == value(record, "itself", "pid")


def test_a_part_that_needs_more_cores_than_there_are_is_left_out(checked: Checked) -> None:
    why = checked(parts.ON_MANY_CORES).left_out["many cores"]
    assert why == f"it needs 10000 cores, and {len(os.sched_getaffinity(0))} are here"


def test_without_what_they_build_on_the_others_are_left_out(checked: Checked) -> None:
    record = checked(parts.ITSELF, first=(parts.WRONG, parts.FINE))
    assert record.left_out == {"fine": "it builds on wrong", "itself": "it builds on wrong"}
    assert record.faults == ["wrong: sum"]


def test_what_others_build_on_must_have_been_tried(checked: Checked) -> None:
    record = checked(parts.ITSELF, first=(parts.NEEDING_RAY,))
    assert (record.left_out, record.faults) == ({"itself": "it builds on needing"}, [])


def test_a_check_that_is_interrupted_leaves_no_process_and_keeps_what_was_found(checked: Checked, told: Told) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    told.then = interrupt
    with pytest.raises(KeyboardInterrupt):
        checked(parts.HANGING)
    assert is_gone(value(told.record, "hanging", "pid"))
