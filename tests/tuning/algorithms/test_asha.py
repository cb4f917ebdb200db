import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.schedulers import TrialScheduler

from tuning.algorithms.asha import Asha


def trial(name: str, folder: Path, reported: list[float] | None = None, known: int = 0) -> Any:
    """A trial as Ray hands it to a scheduler; `reported` is its result.json, `known` what the snapshot knows of it."""
    folder = folder / name
    folder.mkdir()
    lines = [json.dumps({"training_iteration": n, "val_f1": value}) for n, value in enumerate(reported or [], start=1)]
    # The last line was being written when the driver was killed.
    (folder / "result.json").write_text("".join(f"{line}\n" for line in lines) + '{"training_iteration": 1, "val_')
    last = {"training_iteration": known} if known else {}
    return SimpleNamespace(trial_id=name, last_result=last, storage=SimpleNamespace(trial_fs_path=str(folder)))


def report(scheduler: Asha, trial: Any, epoch: int, value: float) -> str:
    return scheduler.on_trial_result(None, trial, {"training_iteration": epoch, "val_f1": value})


def rungs(scheduler: Asha) -> dict[int, dict[str, float]]:
    return {epoch: dict(values) for epoch, values in scheduler._brackets[0]._rungs if values}


def test_a_trial_below_the_best_third_of_its_rung_is_stopped(tmp_path: Path) -> None:
    scheduler = Asha(epochs=9, grace=1, reduction=3)
    for name in "abc":
        scheduler.on_trial_add(None, trial(name, tmp_path))
    a, b, c = (SimpleNamespace(trial_id=name) for name in "abc")
    assert report(scheduler, a, 1, 0.5) == TrialScheduler.CONTINUE
    assert report(scheduler, b, 1, 0.6) == TrialScheduler.CONTINUE
    assert report(scheduler, c, 1, 0.4) == TrialScheduler.STOP


def test_rungs_of_a_restored_search_are_as_they_were(tmp_path: Path) -> None:
    scheduler = Asha(epochs=9, grace=1, reduction=3)
    scheduler.on_trial_add(None, trial("a", tmp_path, reported=[0.2, 0.3, 0.4, 0.5], known=4))
    scheduler.on_trial_add(None, trial("b", tmp_path, reported=[0.1], known=1))
    assert rungs(scheduler) == {3: {"a": 0.4}, 1: {"a": 0.2, "b": 0.1}}


def test_an_epoch_that_the_snapshot_forgot_is_not_counted_twice(tmp_path: Path) -> None:
    scheduler = Asha(epochs=9, grace=1, reduction=3)
    resumed = trial("a", tmp_path, reported=[0.2, 0.3, 0.4], known=2)
    scheduler.on_trial_add(None, resumed)
    assert rungs(scheduler) == {1: {"a": 0.2}}
    report(scheduler, resumed, 3, 0.45)
    assert rungs(scheduler) == {3: {"a": 0.45}, 1: {"a": 0.2}}


def test_a_resumed_trial_does_not_enter_its_late_score_into_early_rungs(tmp_path: Path) -> None:
    scheduler = Asha(epochs=9, grace=1, reduction=3)
    resumed = trial("late", tmp_path, reported=[0.2, 0.3, 0.4, 0.5, 0.6], known=5)
    scheduler.on_trial_add(None, resumed)
    report(scheduler, resumed, 6, 0.9)
    scheduler.on_trial_add(None, trial("fresh", tmp_path))
    assert report(scheduler, SimpleNamespace(trial_id="fresh"), 1, 0.25) == TrialScheduler.CONTINUE


@pytest.mark.parametrize(("epochs", "grace", "expected"), [(27, 1, {1, 3, 9, 27}), (8, 2, {2, 6})])
def test_rungs_are_powers_of_the_reduction_factor(epochs: int, grace: int, expected: set[int]) -> None:
    assert {epoch for epoch, _ in Asha(epochs, grace, reduction=3)._brackets[0]._rungs} == expected
