"""The live table of a search that another process runs."""

from __future__ import annotations

import json
import os
import shutil
from functools import partial
from pathlib import Path

import pytest

from common.command_line import exit_code
from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.command.test_dry_run import row
from tests.tuning.helpers.plans import begin, change
from tuning import watch
from tuning.records import leaderboard

SPENT = {"trials": 2, "epochs": 18, "hours": 1, "gpu_hours": 1, "gpu_hours_saved": 0}


@pytest.fixture
def search(make_plan, small_store: Store) -> Path:
    plan = make_plan()
    begin(plan, small_store.hash)
    leaderboard.write(plan.folder, [row(1, 58), row(2, 59)])
    change(plan.folder, state=State.FINISHED, spent=SPENT)
    return plan.folder


def test_one_that_has_ended_is_shown_once(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert watch.main([str(search)]) == 0
    out = capsys.readouterr().out
    assert "trial-002" in out and "2 of 6 trials done, 18 epochs, 1:00:00 h" in out.replace("\n", " ")
    assert out.rstrip().endswith("age_bands: finished.")


def test_one_that_was_killed_is_not_waited_for(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(search, state=State.RUNNING)
    assert watch.main([str(search)]) == 0
    assert capsys.readouterr().out.rstrip().endswith("age_bands: killed.")


def test_one_that_runs_is_followed_until_it_ends(
    search: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (search / ".owner.json").write_text(json.dumps({"host": "elsewhere", "pid": 1, "machine": "another"}))
    change(search, state=State.RUNNING)
    later = iter([lambda: leaderboard.write(search, [row(1, 58), row(2, 59), row(3, 60)]), lambda: None])
    ends = lambda: change(search, state=State.FINISHED)  # noqa: E731
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: next(later, ends)())
    assert watch.main([str(search)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ")[0] for line in lines[:2]] == ["2", "3"]  # trials done; said once each
    assert lines[-1] == "age_bands: finished."


def test_one_of_another_machine_that_gives_no_sign_is_given_up_by_one_clock_alone(
    search: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sign, now = search / ".owner.json", [100.0]
    sign.write_text(json.dumps({"host": "elsewhere", "pid": 1, "machine": "another"}))
    beats = iter([1.0, 5.0])  # of a storage whose clock is long behind

    def passes(seconds: float) -> None:
        now[0] += 20
        if beat := next(beats, None):
            os.utime(sign, (beat, beat))

    change(search, state=State.RUNNING)
    monkeypatch.setattr(watch, "Watcher", partial(watch.Watcher, clock=lambda: now[0]))
    monkeypatch.setattr(watch.time, "sleep", passes)
    assert watch.main([str(search)]) == 0
    *_, state, note = capsys.readouterr().out.splitlines()
    assert state == "age_bands: silent." and now == [100 + 4 * 20], "two signs, and then none for 40 s"
    assert note.startswith("Note: process 1 on elsewhere has given no sign of life for 40 seconds: it was killed, or")


def test_a_search_at_an_address_is_read_there(search: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert watch.main([f"file://{search}", "--once"]) == 0
    assert capsys.readouterr().out.rstrip().endswith("age_bands: finished.")


@pytest.mark.parametrize("at", ["", "file://"])
def test_where_no_search_is_that_is_told(at: str, search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(search)
    assert exit_code(lambda: watch.main([f"{at}{search}"])) == 2
    assert "holds no search" in capsys.readouterr().err
