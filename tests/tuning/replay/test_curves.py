from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from common.errors import OptionError, SearchError
from tuning.plan.spaces import Space
from tuning.replay.curves import Curve, Nearest, of_file, of_search

KEY = "labels/old_from"


def result(epoch: int, val_f1: float, **more: Any) -> str:
    return json.dumps({"training_iteration": epoch, "val_f1": val_f1, "time_this_iter_s": 10.0, **more})


def write_trial(folder: Path, name: str, lines: list[str], old_from: int = 58) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "result.json").write_text("\n".join(lines))
    (folder / name / "params.json").write_text(json.dumps({"labels": {"old_from": old_from}, "shared": {"cpus": 1}}))


def test_a_search_folder_holds_a_curve_a_trial_in_the_order_in_which_they_started(tmp_path: Path) -> None:
    write_trial(tmp_path, "trial-1000", [result(1, 0.3)], old_from=60)
    write_trial(tmp_path, "trial-999", [result(1, 0.1, seconds=9.0), result(2, 0.2)])
    assert of_search(tmp_path, [KEY]) == [
        Curve("trial-999", {KEY: 58}, (0.1, 0.2), (10.0, 10.0)),
        Curve("trial-1000", {KEY: 60}, (0.3,), (10.0,)),
    ]


def test_of_epochs_that_a_resumed_trial_repeated_the_last_run_counts(tmp_path: Path) -> None:
    lines = [result(1, 0.1), result(2, 0.2), result(3, 0.3), result(2, 0.25), result(3, 0.35), result(4, 0.4)]
    write_trial(tmp_path, "trial-001", lines)
    assert of_search(tmp_path, [KEY])[0].val_f1 == (0.1, 0.25, 0.35, 0.4)


def test_epochs_that_were_lost_with_a_worker_and_not_repeated_do_not_count(tmp_path: Path) -> None:
    write_trial(tmp_path, "trial-001", [result(1, 0.1), result(2, 0.2), result(3, 0.3), result(2, 0.25)])
    assert of_search(tmp_path, [KEY])[0].val_f1 == (0.1, 0.25)


def test_a_line_that_a_kill_cut_off_is_left_out(tmp_path: Path) -> None:
    write_trial(tmp_path, "trial-001", [result(1, 0.1), result(2, 0.2), result(3, 0.3)[:-9]])
    write_trial(tmp_path, "trial-002", [result(1, 0.1), result(2, 0.2)[:-9] + result(2, 0.2), result(3, 0.3)])
    assert [curve.val_f1 for curve in of_search(tmp_path, [KEY])] == [(0.1, 0.2), (0.1,)]


def test_a_trial_without_a_result_has_no_curve(tmp_path: Path) -> None:
    write_trial(tmp_path, "trial-001", [])
    with pytest.raises(SearchError, match="no trial with a result"):
        of_search(tmp_path, [KEY])
    write_trial(tmp_path, "trial-002", [result(1, 0.1)])
    assert [curve.name for curve in of_search(tmp_path, [KEY])] == ["trial-002"]


def test_seconds_are_those_of_training_where_ray_did_not_count(tmp_path: Path) -> None:
    write_trial(tmp_path, "trial-001", [json.dumps({"training_iteration": 1, "val_f1": 0.1, "seconds": 7})])
    assert of_search(tmp_path, [KEY])[0].seconds == (7.0,)


def test_a_trial_of_which_something_is_missing_is_named(tmp_path: Path) -> None:
    write_trial(tmp_path, "trial-001", [result(1, 0.1)])
    with pytest.raises(SearchError, match=r"trial-001 cannot be replayed.*'loss'"):
        of_search(tmp_path, ["loss/smoothing"])


def test_a_trial_that_diverged_is_known_to_its_end(tmp_path: Path) -> None:
    write_trial(tmp_path, "trial-001", [result(1, 0.1), result(2, 0.0, diverged="loss is nan")])
    curve = of_search(tmp_path, [KEY])[0]
    assert curve.failed
    assert curve.full_seconds(epochs=9) == 20


def test_full_length_is_priced_at_the_trials_own_pace() -> None:
    assert Curve("a", {}, (0.1, 0.2), (10.0, 20.0)).full_seconds(epochs=6) == 90


def test_recorded_curves_are_read_by_their_number(tmp_path: Path) -> None:
    file = tmp_path / "curves.jsonl"
    second = {"number": 1, "point": {KEY: 60}, "val_f1": [0.3], "seconds": [4.0], "error": "loss is nan"}
    first = {"number": 0, "point": {KEY: 58}, "val_f1": [0.1, 0.2], "seconds": [4.0, 5.0]}
    file.write_text(f"{json.dumps(second)}\n{json.dumps(first)}\n" + json.dumps(first)[:20])
    assert of_file(file) == [
        Curve("curve 0", {KEY: 58}, (0.1, 0.2), (4.0, 5.0)),
        Curve("curve 1", {KEY: 60}, (0.3, 0.0), (4.0, 4.0), failed=True),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, "cannot be read"), ("", "no curve in it"), ("{}\n{}\n", "line 1: no recorded curve")],
)
def test_a_file_without_curves_is_refused(tmp_path: Path, text: str | None, expected: str) -> None:
    file = tmp_path / "curves.jsonl"
    if text is not None:
        file.write_text(text)
    with pytest.raises(OptionError, match=expected):
        of_file(file)


@pytest.mark.parametrize(
    ("val_f1", "seconds"), [((), ()), ((0.1,), (1.0, 1.0)), ((float("nan"),), (1.0,)), ((0.1,), (-1.0,))]
)
def test_a_curve_checks_itself(val_f1: tuple[float, ...], seconds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="trial-001: val_f1 and seconds must"):
        Curve("trial-001", {}, val_f1, seconds)


def space(**distributions: Any) -> Space:
    """Of settings that one trial may have: peak of the schedule, age thresholds, optimizer."""
    keys = {"peak": "schedule/max_lr", "old": "labels/old_from", "optimizer": "optimizer/name"}
    return Space("test", "", {keys[name]: each for name, each in distributions.items()}, {}, [])


def at(**point: Any) -> Curve:
    return Curve(str(point), {key.replace("_", "/", 1): value for key, value in point.items()}, (0.1,), (1.0,))


def test_the_nearest_curve_is_so_by_logarithm_where_the_space_is() -> None:
    low, high = at(schedule_max_lr=0.001), at(schedule_max_lr=0.1)
    linear = Nearest([low, high], space(peak=FloatDistribution(1e-4, 1e-1)))
    log = Nearest([low, high], space(peak=FloatDistribution(1e-4, 1e-1, log=True)))
    assert linear({"schedule/max_lr": 0.02}) is low
    assert log({"schedule/max_lr": 0.02}) is high


def test_settings_weigh_the_same_whatever_their_ranges() -> None:
    curves = [at(schedule_max_lr=0.1, labels_old_from=60), at(schedule_max_lr=0.16, labels_old_from=56)]
    nearest = Nearest(curves, space(peak=FloatDistribution(0.1, 0.2), old=IntDistribution(56, 60)))
    assert nearest({"schedule/max_lr": 0.1, "labels/old_from": 57}) is curves[1]  # (.6, .25) away, the other (0, .75)
    assert nearest({"schedule/max_lr": 0.1, "labels/old_from": 58}) is curves[0]  # (0, .5) away, the other (.6, .5)


def test_another_choice_is_as_far_as_the_other_end_of_a_range() -> None:
    curves = [at(optimizer_name="sgd", labels_old_from=60), at(optimizer_name="adamw", labels_old_from=57)]
    nearest = Nearest(curves, space(optimizer=CategoricalDistribution(["sgd", "adamw"]), old=IntDistribution(56, 60)))
    assert nearest({"optimizer/name": "sgd", "labels/old_from": 57}) is curves[0]
    assert nearest({"optimizer/name": "adamw", "labels/old_from": 60}) is curves[1]


def test_a_curve_can_be_asked_to_answer_again_only_after_all_others() -> None:
    curves = [at(labels_old_from=old) for old in (56, 58, 60)]
    nearest = Nearest(curves, space(old=IntDistribution(56, 60)), once=True)
    assert [nearest({"labels/old_from": 56}) for _ in range(4)] == [*curves, curves[0]]
    assert [Nearest(curves, space(old=IntDistribution(56, 60)))({"labels/old_from": 60}) for _ in range(2)] == [
        curves[2],
        curves[2],
    ]
