"""What a trial's end costs: no worker that is just starting."""

from collections.abc import Callable

from data_prep.store.store import Store
from tests.tuning.helpers.curve_trial import SecondComesLate
from tuning import search
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan


def test_a_worker_that_is_starting_keeps_its_trial_though_others_end(
    ray_session: None, make_plan: Callable[..., Plan], small_store: Store
) -> None:
    """Ray gives the trial to the worker that is free, stops the one that is starting, and begins another: while trials
    end sooner than a worker starts, no second one ever works."""
    plan = make_plan(budget=Budget(trials=8), epochs=2, grace=2)
    rows = search.run(plan, small_store, SecondComesLate)
    assert len({(plan.folder / row.trial / "worker").read_text() for row in rows}) == 2
