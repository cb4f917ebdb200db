"""The report of a search: what it tells is what was recorded, and it opens offline."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.addresses.uris import CACHE
from common.command_line import exit_code
from common.search_folder import VAL_PREDICTIONS
from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.helpers.plans import change
from tests.tuning.report import drawn
from tuning.command.ending.finish import finish
from tuning.plan.plan import Plan
from tuning.records import leaderboard
from tuning.report import __main__, report, settings
from tuning.report.searched import Searched


@pytest.fixture
def plan(make_plan: Callable[..., Plan], small_store: Store, tmp_path: Path) -> Plan:
    return drawn.search(make_plan, small_store, tmp_path / "runs/<b>drawn")


def test_the_page_has_every_part_and_the_recorded_figures(plan: Plan) -> None:
    page = report.page([Searched.read(plan.folder)]).html()
    found = re.findall(r"<h2[^>]*>([^<]*)</h2>", page)
    first = ["Best so far", "Leaderboard", "Learning curves", "Settings"]
    assert found == [*first, "The best trial", "Cost", "Failed trials", "Made with"]
    best = leaderboard.read(plan.folder)[0]
    assert f"{best.trial} is best with a val F1 of {best.val_f1_best:.3f}" in page
    assert "worker died" in page
    assert "&lt;b&gt;drawn" in page and "<b>drawn" not in page


def test_a_search_that_another_machine_left_in_silence_is_said_to_be_silent(plan: Plan) -> None:
    change(plan.folder, state=State.RUNNING)
    sign = plan.folder / ".owner.json"
    sign.write_text(json.dumps({"host": "elsewhere", "pid": 1, "machine": "another"}))
    os.utime(sign, (0, 0))
    page = report.page([Searched.read(plan.folder)]).html()
    assert "drawn is silent: 24 trials" in page
    assert "drawn: process 1 on elsewhere has given no sign of life for" in page


def test_the_best_so_far_rises_with_what_was_spent(plan: Plan) -> None:
    search = Searched.read(plan.folder)
    spent, best = search.best_so_far()
    assert len(spent) == sum(row.epochs for row in search.rows)
    assert spent[-1] == pytest.approx(search.record.spent["gpu_hours"])
    assert (np.diff(spent) > 0).all() and (np.diff(best) >= 0).all()
    assert best[-1] == pytest.approx(max(row.val_f1_best for row in search.rows))


def test_the_setting_that_the_score_was_drawn_from_is_the_important_one(plan: Plan) -> None:
    search = Searched.read(plan.folder)
    found = settings.importances(search, search.scored)
    assert next(iter(found)) == "labels/old_from"
    assert sum(found.values()) == pytest.approx(1)


def test_an_epoch_that_was_done_twice_counts_once_and_a_torn_line_leaves_the_rest(plan: Plan) -> None:
    file = plan.folder / "trial-001/result.json"
    first = json.loads(file.read_text().splitlines()[0])
    with file.open("a") as stream:
        stream.write(json.dumps({**first, "val_f1": 0.5}) + "\n" + '{"training_it')
    curve = Searched.read(plan.folder).curves["trial-001"]
    assert curve.val_f1[0] == 0.5
    assert list(curve.epochs) == list(range(1, len(curve.epochs) + 1))


def test_the_best_trial_is_scored_by_factor_and_class_from_its_predictions(plan: Plan, small_store: Store) -> None:
    trial, rows = leaderboard.read(plan.folder)[0].trial, small_store.labelled("val")
    right = np.eye(18, dtype=np.float32)[small_store.classes()[rows]]
    file = plan.folder / trial / VAL_PREDICTIONS
    np.savez(file, probabilities=right, rows=rows, store_hash=small_store.hash, epoch=1, val_f1=1.0)
    page = report.page([Searched.read(plan.folder)]).html()
    assert f"F1 of {trial} on val at its best epoch" in page and "AGE BAND" in page
    np.savez(file, probabilities=right, rows=rows, store_hash="another", epoch=1, val_f1=1.0)
    page = report.page([Searched.read(plan.folder)]).html()
    assert "cannot be looked at more closely from here: it is of another store" in page


def test_the_best_trials_of_two_searches_are_compared_on_the_same_people(
    make_plan, small_store: Store, plan: Plan, tmp_path: Path
) -> None:
    other = drawn.search(make_plan, small_store, tmp_path / "runs/other", trials=4)
    rows = small_store.labelled("val")
    for each, right in ((plan, 0.5), (other, 1.0)):
        trial = next(row.trial for row in leaderboard.read(each.folder) if row.status != "failed")
        guess = np.where(np.arange(len(rows)) < right * len(rows), small_store.classes()[rows], 0)
        probabilities = np.eye(18, dtype=np.float32)[guess]
        file = each.folder / trial / VAL_PREDICTIONS
        np.savez(file, probabilities=probabilities, rows=rows, store_hash=small_store.hash, epoch=1, val_f1=1.0)
    page = report.page([Searched.read(each.folder) for each in (plan, other)]).html()
    assert re.search(r"other above &lt;b&gt;drawn, on the same val people: \+\.\d", page)


def test_two_searches_stand_side_by_side_one_of_them_at_an_address(
    make_plan, small_store: Store, plan: Plan, tmp_path: Path, capsys, monkeypatch
) -> None:
    monkeypatch.setenv(CACHE, str(tmp_path / "cache"))
    other = drawn.search(make_plan, small_store, tmp_path / "runs/other", trials=2)
    assert __main__.main([str(plan.folder), f"file://{other.folder}", "--out", str(tmp_path / "both.html")]) == 0
    page = (tmp_path / "both.html").read_text()
    assert "Leaderboard of other" in page and "nothing can be said yet" in page
    assert "They cannot be compared from here" in page, "nothing was predicted"
    assert "Learning curves of other" in page and "No trial has reported an epoch yet" not in page
    assert capsys.readouterr().out.endswith(f"The report, for a browser: {tmp_path / 'both.html'}\n")


def test_a_search_that_has_no_result_yet_has_a_report(plan: Plan) -> None:
    leaderboard.write(plan.folder, [])
    page = report.page([Searched.read(plan.folder)]).html()
    assert "no trial has a score yet" in page


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "holds no search"),
        (["a", "b"], "--out: several searches"),
        (["file:///nowhere", "--out", "report.html"], "file:///nowhere holds no search"),
    ],
)
def test_what_cannot_be_told_is_refused_in_a_line(arguments: list[str], said: str, capsys) -> None:
    assert exit_code(lambda: __main__.main(arguments)) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_search_that_ends_leaves_its_report_and_says_where(plan: Plan, capsys, monkeypatch) -> None:
    monkeypatch.chdir(plan.folder.parent)
    assert finish(plan, leaderboard.read(plan.folder)) == 3
    assert "The report, for a browser: <b>drawn/report.html" in capsys.readouterr().out
    assert "24 trials" in (plan.folder / "report.html").read_text()


def test_a_report_that_cannot_be_written_is_said_and_changes_nothing(plan: Plan, capsys) -> None:
    (plan.folder / "report.html").mkdir()
    assert finish(plan, leaderboard.read(plan.folder)) == 3
    assert "Note: the report cannot be written" in capsys.readouterr().out
