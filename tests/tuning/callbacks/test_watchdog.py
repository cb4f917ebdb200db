"""How long a worker may be silent. Workers that really hang are in tests/faults/test_workers.py."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.experiment import Trial

from tuning.callbacks import watchdog
from tuning.callbacks.watchdog import Watchdog


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Dog:
    """A watchdog on its own clock, and what it has killed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **how: Any) -> None:
        self.clock, self.killed = Clock(), []
        self.dog = Watchdog(clock=self.clock, **how)
        monkeypatch.setattr(watchdog.ray, "kill", self.killed.append)

    def waits(self, trials: list[Any], seconds: float) -> None:
        for _ in range(int(seconds)):
            self.clock.seconds += 1
            self.dog.on_step_end(1, trials)


def trial(name: str, status: str = Trial.RUNNING) -> Any:
    state = SimpleNamespace(ray_actor=name)
    return SimpleNamespace(
        trial_id=name,
        status=status,
        temporary_state=state,
        num_failures=3,
        max_failures=3,
        latest_checkpoint_result=None,
    )


def test_a_trial_may_be_silent_for_ten_times_the_longest_epoch_of_any(monkeypatch: pytest.MonkeyPatch) -> None:
    of, slow, quick = Dog(monkeypatch), trial("slow"), trial("quick")
    of.waits([slow, quick], 3600)
    assert of.killed == []
    of.dog.on_trial_result(1, [], slow, {"time_this_iter_s": 60.0})
    of.dog.on_trial_result(1, [], quick, {"time_this_iter_s": 1.0})
    of.waits([slow, quick], 590)
    of.dog.on_trial_result(1, [], slow, {"time_this_iter_s": 59.0})
    of.waits([slow, quick], 11)
    assert of.killed == ["quick"]


def test_five_minutes_of_silence_are_allowed_however_short_an_epoch_is(monkeypatch: pytest.MonkeyPatch) -> None:
    of, quick = Dog(monkeypatch), trial("quick")
    of.dog.on_trial_result(1, [], quick, {"time_this_iter_s": 1.0})
    of.waits([quick], 300)
    assert of.killed == []
    of.waits([quick], 1)
    assert of.killed == ["quick"]


def test_before_a_workers_first_report_an_hour_is_allowed_to_a_trial_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    of, runs, other, waits = Dog(monkeypatch), trial("runs"), trial("other"), trial("waits", Trial.PENDING)
    of.waits([runs, waits], 1800)
    of.dog.on_trial_result(1, [], other, {"time_this_iter_s": 1.0})
    of.waits([runs, waits], 1800)
    assert of.killed == []
    of.waits([runs, waits], 1)
    assert of.killed == ["runs"]


def test_a_trial_on_a_worker_that_has_reported_for_another_is_no_beginner(monkeypatch: pytest.MonkeyPatch) -> None:
    of, before, after = Dog(monkeypatch), trial("before"), trial("after")
    after.temporary_state.ray_actor = before.temporary_state.ray_actor
    of.dog.on_trial_result(1, [], before, {"time_this_iter_s": 1.0})
    of.waits([after], 301)
    assert of.killed == ["before"]


def test_time_in_which_the_driver_did_not_listen_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    of, runs = Dog(monkeypatch), trial("runs")
    of.dog.on_trial_result(1, [], runs, {"time_this_iter_s": 1.0})
    of.clock.seconds += 100_000
    of.dog.on_step_end(1, [runs])
    of.waits([runs], 200)
    assert of.killed == []


def test_silence_that_is_excused_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = threading.Event()
    of, runs = Dog(monkeypatch, excused=lambda: not answers.is_set()), trial("runs")
    of.dog.on_trial_result(1, [], runs, {"time_this_iter_s": 1.0})
    of.waits([runs], 3600)
    answers.set()
    of.waits([runs], 300)
    assert of.killed == []
    of.waits([runs], 1)
    assert of.killed == ["runs"]
