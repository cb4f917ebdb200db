import signal
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.experiment import Trial

from common.errors import OptionError
from tuning.callbacks.meter import Meter
from tuning.plan.budget import Budget, Spent
from tuning.plan.resources import Resources

NOTHING = {"trials": None, "hours": None, "gpu_hours": None}


def test_without_a_limit_asked_for_the_trials_of_the_profile_are_the_budget() -> None:
    assert Budget.of(NOTHING, 50) == Budget(trials=50)


def test_a_limit_in_hours_is_not_also_one_in_trials() -> None:
    assert Budget.of({**NOTHING, "gpu_hours": "2.5"}, 50) == Budget(gpu_hours=2.5)
    assert Budget.of({**NOTHING, "hours": "60", "trials": "9"}, 50) == Budget(trials=9, hours=60)


def test_a_limit_is_raised_by_more_or_named_anew() -> None:
    budget = Budget(trials=50, gpu_hours=10)
    assert budget.extended({"trials": "+20", "gpu_hours": "25"}) == Budget(trials=70, gpu_hours=25)
    assert budget.extended({"hours": "3"}) == Budget(trials=50, gpu_hours=10, hours=3)
    assert budget.extended(NOTHING) == budget


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"trials": "many"}, r"--trials: a number is needed, as in 20 or \+20, but got 'many'"),
        ({"trials": "2.5"}, r"--trials: a number is needed"),
        ({"trials": "0"}, r"--trials: more than 0 is needed, but got '0'"),
        ({"gpu_hours": "-1"}, r"--gpu-hours: more than 0 is needed, but got '-1'"),
        ({"hours": "nan"}, r"--hours: more than 0 is needed, but got 'nan'"),
        ({"hours": "inf"}, r"--hours: less than 1,000,000,000 is needed, but got 'inf'"),
        ({"hours": "+5"}, r"--hours \+5: there was no such limit to add to; name the whole, as in 5"),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(asked: dict[str, str | None], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Budget(trials=50).extended(asked)


def test_a_search_without_any_limit_is_refused() -> None:
    with pytest.raises(OptionError, match="at least one limit"):
        Budget()


def test_the_first_limit_reached_is_named() -> None:
    budget = Budget(hours=2, gpu_hours=5)
    assert budget.reached(Spent(1.9, 4.9)) is None
    assert budget.reached(Spent(2.0, 1.0)) == "2 hours"
    assert budget.reached(Spent(1.0, 5.0)) == "5 GPU-hours"


class Clock:
    def __init__(self) -> None:
        self.hours = 0.0

    def __call__(self) -> float:
        return self.hours * 3600


def trials(*states: str) -> Any:
    return [SimpleNamespace(status=state) for state in states]


def test_gpu_hours_are_those_of_trials_that_run_or_wait_for_their_worker() -> None:
    clock = Clock()
    meter = Meter(Budget(trials=9), Resources(cpus=1, gpus=2, concurrent=3), Spent(1.0, 10.0), clock)
    clock.hours = 0.5
    meter.on_step_end(1, trials(Trial.RUNNING, Trial.PENDING, Trial.TERMINATED, Trial.ERROR))
    assert meter.spent == Spent(1.5, 12.0)
    clock.hours = 1.0
    meter.on_step_end(2, trials(*[Trial.PENDING] * 5))
    assert meter.spent == Spent(2.0, 15.0)


def test_without_a_gpu_the_hours_are_those_of_trials() -> None:
    clock = Clock()
    meter = Meter(Budget(trials=9), Resources(cpus=1, gpus=0, concurrent=2), Spent(), clock)
    clock.hours = 1.0
    meter.on_step_end(1, trials(Trial.RUNNING, Trial.RUNNING))
    assert meter.spent == Spent(1.0, 2.0)


def test_a_limit_ends_the_search_once_as_ctrl_c_would() -> None:
    clock = Clock()
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        meter = Meter(Budget(hours=1), Resources(1, 0, 1), Spent(hours=0.5), clock)
        for clock.hours in (0.4, 0.5, 0.6):
            meter.on_step_end(1, trials(Trial.RUNNING))
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGINT]
    assert meter.reached == "1 hour"
