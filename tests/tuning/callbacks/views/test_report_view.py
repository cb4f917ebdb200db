"""report.html of a search that runs: written now and then, by nobody who has lost the search, and never in its way."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import SearchError
from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.helpers.plans import change
from tests.tuning.report import drawn
from tuning.callbacks.views import report_view
from tuning.callbacks.views.aside import Aside
from tuning.callbacks.views.report_view import ReportView
from tuning.ownership.lock import owning
from tuning.plan.plan import Plan


class Reporting(SimpleNamespace):
    """A trial, as far as a row of it looks."""

    def __str__(self) -> str:
        return "trial-001"


def after(epochs: int) -> list[Any]:
    config = {"labels": dict.fromkeys(("young_below", "old_from", "young_gap", "old_gap"), 1)}
    return [Reporting(status="RUNNING", config=config, last_result={"training_iteration": epochs})]


@pytest.fixture
def plan(make_plan: Callable[..., Plan], small_store: Store, tmp_path: Path, monkeypatch) -> Plan:
    monkeypatch.setattr(report_view, "EVERY", 0.0)
    monkeypatch.setattr(report_view, "SHARE", 1e9)
    plan = drawn.search(make_plan, small_store, tmp_path / "runs/age_bands", trials=3)
    change(plan.folder, state=State.RUNNING)
    return plan


def step(view: ReportView, trials: list[Any]) -> None:
    view.on_step_end(1, trials)
    view._aside.join()


def test_the_page_of_a_search_that_runs_says_so_and_is_written_when_trials_have_something_new(plan: Plan) -> None:
    file = plan.folder / "report.html"
    with owning(plan.folder) as own:
        view = ReportView(plan, own.check)
        step(view, after(epochs=0))
        assert not file.exists()
        step(view, after(epochs=1))
        page = file.read_text()
        file.unlink()
        step(view, after(epochs=1))
        assert not file.exists()
    assert "age_bands is running" in page and "This page was written on 20" in page and "load it again" in page


def test_nobody_writes_it_who_has_lost_the_search(plan: Plan) -> None:
    def lost() -> None:
        raise SearchError("another process has taken it over")

    step(ReportView(plan, lost), after(epochs=1))
    assert not list(plan.folder.glob("*report.html*"))


def test_a_search_that_ends_does_not_wait_for_it(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    view = ReportView(plan, lambda: None)
    view.on_step_end(1, after(epochs=1))
    while view._child is None:
        time.sleep(0.001)
    view.on_experiment_end([])
    assert view._child.returncode < 0
    assert not list(plan.folder.glob("*report.html*")) and capsys.readouterr().out == ""


def test_what_keeps_it_from_being_written_is_said_once(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    view = ReportView(dataclasses.replace(plan, folder=plan.folder / "gone"), lambda: None)
    step(view, after(epochs=1))
    step(view, after(epochs=2))
    out = capsys.readouterr().out
    assert out.startswith("Note: the report cannot be written (") and out.count("\n") == 1


def test_two_pieces_of_work_are_never_done_at_once() -> None:
    aside, go = Aside(every=0.0, share=1e9), threading.Event()
    assert aside.is_due()
    aside.begin(go.wait)
    assert not aside.is_due()
    go.set()
    aside.join()
    assert aside.is_due()


def test_work_that_takes_long_is_done_seldom() -> None:
    aside = Aside(every=0.0, share=1e-9)
    aside.begin(lambda: None)
    aside.join()
    assert not aside.is_due()
