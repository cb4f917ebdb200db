"""--list: the searches under --runs, for people and as JSON."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

import tune_main
from common import machine
from common.command_line import exit_code
from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.command.test_dry_run import row
from tests.tuning.helpers.plans import begin, change
from tuning.ownership.lock import owning
from tuning.records import leaderboard
from tuning.records.look import Look


@pytest.fixture
def runs(make_plan, small_store: Store, tmp_path: Path) -> Path:
    """Two searches, the older one of three trials; and what is no search."""
    for name, started in (("first", "2026-01-01T10:00:00"), ("second", "2026-02-01T10:00:00")):
        plan = make_plan(folder=tmp_path / "runs" / name)
        begin(plan, small_store.hash)
        change(plan.folder, started=started, state=State.RUNNING)
    leaderboard.write(tmp_path / "runs/first", [row(1, 58), row(2, 59), row(3, 60)])
    change(
        tmp_path / "runs/first", state=State.FINISHED, spent={"trials": 3, "epochs": 27, "hours": 1.5, "gpu_hours": 3}
    )
    leaderboard.write(tmp_path / "runs/second", [])
    (tmp_path / "runs/notes").mkdir()
    return tmp_path / "runs"


def test_each_search_is_a_line_the_newest_first(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune_main.main(["--list", "--runs", str(runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["search", "state", "best", "F1", "trials", "epochs", "hours", "GPU-hours", "started"]
    assert lines[2].split()[:2] == ["second", "killed"]
    assert lines[3].split() == ["first", "finished", "0.300", "3", "27", "1.50", "3.00", "2026-01-01", "10:00"]
    assert len(lines) == 4


def test_programs_get_the_same_as_json(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune_main.main(["--list", "--json", "--runs", str(runs)]) == 0
    second, first = json.loads(capsys.readouterr().out)
    assert first["best"] == pytest.approx(0.3) and first["spent"]["trials"] == 3
    assert (second["search"], second["best"]) == ("second", None)


def test_one_that_runs_is_not_called_killed(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = {"host": "elsewhere", "pid": 1, "machine": "another"}
    (runs / "second/.owner.json").write_text(json.dumps(other))
    tune_main.main(["--list", "--runs", str(runs)])
    assert capsys.readouterr().out.splitlines()[2].split()[:2] == ["second", "running"]


SILENT = "process 1 on elsewhere has given no sign of life for 12 minutes by this machine's clock"


@pytest.mark.parametrize("at", ["", "file://"])
def test_one_of_another_machine_that_has_long_given_no_sign_is_silent_by_the_clocks(
    at: str, runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sign = runs / "second/.owner.json"
    sign.write_text(json.dumps({"host": "elsewhere", "pid": 1, "machine": "another"}))
    long_ago = time.time() - 12 * 60
    os.utime(sign, (long_ago, long_ago))
    before = sorted(runs.rglob("*"))
    tune_main.main(["--list", "--runs", f"{at}{runs}"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[:2] == ["second", "silent"]
    assert lines[-1].startswith(f"Note: second: {SILENT}. ")
    assert sorted(runs.rglob("*")) == before, "a look writes nothing"
    tune_main.main(["--list", "--json", "--runs", f"{at}{runs}"])
    second, first = json.loads(capsys.readouterr().out)
    assert 720 <= second["silent_s"] < 780 and first["silent_s"] is None


def test_searches_at_an_address_are_listed_too(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune_main.main(["--list", "--runs", f"file://{runs}"]) == 0
    second, first = capsys.readouterr().out.splitlines()[-2:]
    assert second.split()[:2] == ["second", "killed"]
    assert first.split()[:3] == ["first", "finished", "0.300"]


@pytest.mark.parametrize("at", ["", "file://"])
def test_a_sign_of_life_is_read_in_a_folder_as_at_an_address(at: str, runs: Path) -> None:
    search = f"{at}{runs / 'second'}" if at else runs / "second"
    sign = runs / "second/.owner.json"
    here = {"host": "here", "machine": machine.identity()}
    for owner, state in (
        ({"host": "elsewhere", "pid": 1, "machine": "another"}, "running"),
        ({**here, "pid": os.getppid(), "began": machine.began(os.getppid())}, "running"),
        ({**here, "pid": os.getppid(), "began": "long ago"}, "killed"),
        ([], "killed"),
    ):
        sign.write_text(json.dumps(owner))
        assert Look.at(search).state == state


def test_what_a_forged_state_at_an_address_says_of_its_trials_is_a_line(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = runs / "first/state/000009"
    state.mkdir(parents=True)
    (state / "search.json").write_text((runs / "first/search.json").read_text())
    (state / "manifest.json").write_text("{}")
    (state / "trials.json").write_text(json.dumps({"trials": [{"trial": "../x", "status": 7}]}))
    assert tune_main.main(["--list", "--runs", f"file://{runs}"]) == 0
    note, *rest = capsys.readouterr().out.splitlines()
    assert note.endswith("first cannot be read: trials.json says what no search says of its trials.")
    assert [line.split()[0] for line in rest[2:]] == ["second"]


def test_one_that_cannot_be_read_is_named_and_the_others_are_listed(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (runs / "first/search.json").write_text("{")
    assert tune_main.main(["--list", "--runs", str(runs)]) == 0
    out = capsys.readouterr().out
    assert "first/search.json is damaged: it is no JSON" in out and "second" in out


def test_no_folder_is_told_and_an_empty_one_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: tune_main.main(["--list", "--runs", str(tmp_path / "nowhere")])) == 2
    assert "no such folder" in capsys.readouterr().err
    tune_main.main(["--list", "--runs", str(tmp_path)])
    assert "holds no search yet" in capsys.readouterr().out
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn/search.json").write_text("{")
    tune_main.main(["--list", "--runs", str(tmp_path)])
    assert "holds no search yet" not in (shown := capsys.readouterr().out) and "torn/search.json is damaged" in shown


def test_one_that_this_process_let_go_of_is_run_by_nobody(runs: Path) -> None:
    with owning(runs / "second"):
        assert (runs / "second/.owner.json").exists()
    assert Look.at(runs / "second").state == "killed"
