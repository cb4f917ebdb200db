from collections.abc import Callable
from datetime import datetime

import pytest

from tuning.plan.budget import Budget, Spent
from tuning.plan.plan import Plan
from tuning.records.cost import hours_left, saved_hours
from tuning.records.live import summary
from tuning.records.rows import Row


def row(status: str, epochs: int, hours: float = 0.0) -> Row:
    return Row("trial-001", status, 0.5, 1, 0.5, epochs, hours * 3600, {})


def test_a_stopped_trial_saves_the_epochs_that_it_did_not_run_at_its_own_pace() -> None:
    rows = [row("stopped", 3, 1.5), row("stopped", 9, 0.9), row("finished", 27, 9), row("failed", 1, 1)]
    assert saved_hours(rows, 27) == pytest.approx(24 * 0.5 + 18 * 0.1)


def test_trials_to_come_are_taken_to_be_as_long_as_those_that_ended() -> None:
    rows = [row("finished", 9), row("stopped", 3), row("running", 2)]
    # Mean 6: the running one has 4 to go, one has not started; 14 epochs took 7 hours.
    assert hours_left(rows, 9, Budget(trials=4), Spent(hours=7)) == pytest.approx((4 + 6) * 0.5)


def test_before_a_trial_has_ended_all_are_taken_to_be_full_length() -> None:
    assert hours_left([row("running", 2)], 9, Budget(trials=1), Spent(hours=1)) == pytest.approx(7 * 0.5)
    assert hours_left([], 9, Budget(trials=1), Spent()) is None


def test_the_nearest_limit_decides() -> None:
    rows = [row("running", 2)]
    assert hours_left(rows, 9, Budget(trials=100, hours=3), Spent(hours=1)) == pytest.approx(2)
    # Four GPU-hours an hour so far, so that the eight that are left last two hours.
    assert hours_left(rows, 9, Budget(gpu_hours=12), Spent(hours=1, gpu_hours=4)) == pytest.approx(2)


def test_the_summary_has_progress_cost_savings_and_the_expected_end(make_plan: Callable[..., Plan]) -> None:
    plan = make_plan(budget=Budget(trials=4, gpu_hours=100))
    rows = [row("finished", 9), row("stopped", 3, 1.5), row("running", 2)]
    line = summary(rows, plan, Spent(hours=7, gpu_hours=13.5), datetime(2026, 1, 2, 10, 30))
    assert line == (
        "2 of 4 trials done, 14 epochs, 7:00:00 h, 13.50 of 100 trial-hours, 3.00 saved by stopping, done about 15:30"
    )


def test_a_search_whose_trials_have_all_ended_has_no_expected_end(make_plan: Callable[..., Plan]) -> None:
    line = summary([row("finished", 9)], make_plan(budget=Budget(trials=1)), Spent(hours=7, gpu_hours=7))
    assert line == "1 of 1 trial done, 9 epochs, 7:00:00 h, 7.00 trial-hours, 0.00 saved by stopping"
