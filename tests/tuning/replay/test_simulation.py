from __future__ import annotations

from typing import Any

import optuna
import pytest
from ray.tune.schedulers import FIFOScheduler

from tuning.algorithms import tpe
from tuning.algorithms.asha import Asha
from tuning.plan import spaces
from tuning.replay.curves import Curve
from tuning.replay.simulation import (
    COMPLETE,
    FAILED,
    FINISHED,
    PRUNED,
    RUNNING,
    STOPPED,
    UNKNOWN,
    InOrder,
    Searched,
    simulate,
)


def curve(name: str, *val_f1: float, seconds: float = 1.0, failed: bool = False) -> Curve:
    return Curve(name, {}, val_f1, (seconds,) * len(val_f1), failed)


A, B, C = curve("a", 0.5, 0.7), curve("b", 0.6, 0.65), curve("c", 0.4, 0.9)


def test_a_slot_takes_the_next_trial_when_its_last_one_ends() -> None:
    curves = [curve("a", 0.1, 0.2, seconds=10), curve("b", 0.3, 0.2, seconds=5), curve("c", 0.1, 0.4, seconds=1)]
    replay = simulate(InOrder(curves), FIFOScheduler(), epochs=2, slots=2)
    # b at 5 and 10, c in its slot at 11 and 12; a, whose epoch began first, at 10 before b, and at 20.
    assert [moment.clock for moment in replay.history] == [5, 10, 10, 11, 12, 20]
    assert [moment.seconds for moment in replay.history] == [5, 15, 20, 21, 22, 32]
    assert [moment.best for moment in replay.history] == [0.3, 0.3, 0.3, 0.3, 0.4, 0.4]
    assert (replay.epochs, replay.hours, replay.trial_hours) == (6, 20 / 3600, 32 / 3600)
    assert replay.winner is curves[2]


def test_the_scheduler_stops_the_trial_below_the_best_third_of_those_before_it() -> None:
    replay = simulate(InOrder([A, B, C]), Asha(2, grace=1, reduction=3), epochs=2, slots=1)
    assert [(trial.curve, trial.epochs, trial.how) for trial in replay.trials] == [
        (A, 2, FINISHED),
        (B, 2, FINISHED),
        (C, 1, STOPPED),
    ]
    assert replay.best == 0.7


def test_who_comes_first_decides_who_is_stopped() -> None:
    replay = simulate(InOrder([C, A, B]), Asha(2, grace=1, reduction=3), epochs=2, slots=1)
    assert replay.count(STOPPED) == 0
    assert replay.best == 0.9


def test_a_grace_as_long_as_a_trial_stops_none() -> None:
    replay = simulate(InOrder([B, A, C]), Asha(2, grace=2, reduction=3), epochs=2, slots=3)
    assert replay.count(FINISHED) == 3


def test_a_curve_that_ends_before_its_trial_does_is_an_unknown_end() -> None:
    short, failed = curve("short", 0.5), curve("failed", 0.6, 0.0, failed=True)
    replay = simulate(InOrder([short, failed]), Asha(4, grace=3, reduction=3), epochs=4, slots=1)
    assert [trial.how for trial in replay.trials] == [UNKNOWN, FAILED]
    stopped = simulate(InOrder([A, B, curve("c", 0.4)]), Asha(2, grace=1, reduction=3), epochs=2, slots=1)
    assert stopped.count(UNKNOWN) == 0  # it was stopped where its curve ends


def test_a_budget_ends_the_search_in_the_middle_of_a_trial() -> None:
    replay = simulate(InOrder([A, B, C]), FIFOScheduler(), epochs=2, slots=1, budget=3)
    assert [(trial.curve, trial.epochs, trial.how) for trial in replay.trials] == [(A, 2, FINISHED), (B, 1, RUNNING)]
    assert (replay.epochs, replay.best) == (3, 0.7)


def test_nothing_proposed_is_nothing_to_replay() -> None:
    with pytest.raises(ValueError, match="nothing was proposed"):
        simulate(InOrder([]), FIFOScheduler(), epochs=2, slots=1)


class Listener:
    """A searcher that proposes bands of age, and keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def suggest(self, trial_id: str) -> dict[str, Any]:
        return {"labels": {"old_from": 56}}

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        self.told.append((trial_id, result["training_iteration"], result["val_f1_best"]))

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None) -> None:
        self.told.append((trial_id, "complete", result and result["val_f1_best"]))


def told(how: str) -> list[tuple[Any, ...]]:
    """What a searcher hears of a, which ends, and c, which is stopped after its second epoch for 0.3."""
    listener = Listener()
    curves = iter([curve("a", 0.5, 0.6, 0.55), curve("c", 0.4, 0.3, 0.9)])
    proposer = Searched(listener, lambda point: next(curves, A), ["labels/old_from"], told=how)
    simulate(proposer, Asha(3, grace=2, reduction=3), epochs=3, slots=1, budget=5)
    return listener.told


def test_the_searcher_is_told_a_stopped_trials_best_as_its_value_as_ray_does() -> None:
    assert told(COMPLETE) == [
        *[("trial-001", 1, 0.5), ("trial-001", 2, 0.6), ("trial-001", "complete", 0.6)],
        *[("trial-002", 1, 0.4), ("trial-002", "complete", 0.4)],
    ]


def test_or_that_it_was_pruned() -> None:
    assert told(PRUNED)[3:] == [("trial-002", 1, 0.4), ("trial-002", 2, 0.4), ("trial-002", "complete", None)]


def test_it_can_be_told_nothing_else() -> None:
    with pytest.raises(ValueError, match="told must be complete or pruned, but is 'failed'"):
        Searched(Listener(), lambda point: A, ["labels/old_from"], told="failed")


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize(("how", "state"), [(COMPLETE, "COMPLETE"), (PRUNED, "PRUNED")])
def test_the_shipped_searcher_proposes_its_starting_points_first_and_hears_of_every_end(how: str, state: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    space = spaces.load("age_bands")
    searcher = tpe.searcher(space, seed=1, name="test")
    asked = []

    def answer(point: dict[str, Any]) -> Curve:
        asked.append(point)
        # Each is worse than the one before, so that all but the first are stopped after their first epoch.
        return curve("a", 0.8 / len(asked), 0.9)

    replay = simulate(
        Searched(searcher, answer, space.distributions, how), Asha(2, 1, reduction=3), epochs=2, slots=1, budget=9
    )
    assert asked[: len(space.start)] == space.start
    assert [trial.epochs for trial in replay.trials] == [2, 1, 1, 1, 1, 1, 1, 1]
    trials = searcher._ot_study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", *[state] * 7, "RUNNING"]
    assert [trial.value for trial in trials[:2]] == [0.9, 0.4]
