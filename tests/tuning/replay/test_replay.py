from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from common.command_line import exit_code
from tests.tuning.helpers.curve_trial import val_f1
from tests.tuning.helpers.plans import begin
from tuning.algorithms.asha import Asha
from tuning.plan.plan import Plan
from tuning.replay import __main__, outcomes
from tuning.replay.curves import Curve
from tuning.replay.outcomes import Log, Setting, outcome
from tuning.replay.simulation import STOPPED, UNKNOWN, InOrder, simulate

EPOCHS = 9


def curve(name: str, *val_f1: float, seconds: float = 3600.0) -> Curve:
    return Curve(name, {}, val_f1, (seconds,) * len(val_f1))


def log(*curves: Curve, epochs: int = 2, slots: int = 1, gpus: float = 1.0) -> Log:
    return Log("test", curves, epochs, slots, gpus)


THREE = (curve("a", 0.5, 0.7), curve("b", 0.6, 0.65), curve("c", 0.4, 0.9))
"""In this order, grace 1 and reduction 3 stop c after an hour: 0.4 is below the best third of 0.5 and 0.6."""


def test_what_stopping_saves_and_loses() -> None:
    found = outcome([log(*THREE)], Setting(1, 3))
    assert (found.epochs.mean, found.hours.mean, found.saved.mean) == (5, 5, pytest.approx(1 / 6))
    assert (found.best.mean, found.lost.mean, found.rank.mean) == (0.7, pytest.approx(0.2), 2)
    assert found.best.error is None


def test_no_stopping_saves_and_loses_nothing() -> None:
    found = outcome([log(*THREE)], None)
    assert (found.epochs.mean, found.saved.mean, found.lost.mean, found.rank.mean) == (6, 0, 0, 1)


def test_orders_are_averaged_with_the_standard_error_of_the_mean() -> None:
    a, b, c = THREE
    found = outcome([log(a, b, c), log(c, a, b)], Setting(1, 3))  # c first: none is stopped
    assert found.epochs.mean == 5.5
    assert found.lost.mean == pytest.approx(0.1)
    assert found.lost.error == pytest.approx(0.1)


def test_hours_are_those_of_a_trials_gpus() -> None:
    assert outcome([log(*THREE, gpus=0.5)], None).hours.mean == 3
    assert outcome([log(*THREE, gpus=0)], None).hours.mean == 6


def test_saved_is_the_share_of_full_length_also_where_curves_end_early() -> None:
    a, b, _ = THREE
    found = outcome([log(a, b, curve("c", 0.4))], Setting(1, 3))
    assert (found.saved.mean, found.unknown.mean) == (pytest.approx(1 / 6), 0)
    unstopped = outcome([log(a, b, curve("c", 0.4))], None)
    assert (unstopped.saved.mean, unstopped.unknown.mean) == (pytest.approx(1 / 6), 1)


@pytest.fixture
def searched(make_plan: Callable[..., Plan]) -> Plan:
    """A search of twelve trials that grace 1 and reduction 3 stopped as ASHA does, two at a time, written as Ray does.

    The heights differ by the band, the paces by the trial, so that trials overtake each other.
    """
    plan = make_plan(epochs=EPOCHS, grace=1, reduction=3)
    begin(plan, "hash")
    rng = np.random.default_rng(0)
    curves = [
        Curve(
            f"trial-{number:03d}",
            {"labels/old_from": 56 + number % 5},
            tuple(val_f1(56 + number % 5, epoch) + rng.normal(0, 0.05) for epoch in range(1, EPOCHS + 1)),
            tuple(rng.uniform(1, 2, EPOCHS)),
        )
        for number in range(1, 13)
    ]
    ran = simulate(InOrder(curves), Asha(EPOCHS, 1, 3), EPOCHS, slots=2)
    assert ran.count(STOPPED) > 3
    for trial in ran.trials:
        write(plan.folder / trial.curve.name, trial.curve, trial.epochs)
    return plan


def write(folder: Path, curve: Curve, epochs: int) -> None:
    folder.mkdir()
    bands = {"young_below": 30, "young_gap": 0, "old_gap": 0, "old_from": curve.point["labels/old_from"]}
    (folder / "params.json").write_text(json.dumps({"labels": bands, "shared": {}}))
    lines = [
        json.dumps({"training_iteration": i + 1, "val_f1": curve.val_f1[i], "time_this_iter_s": curve.seconds[i]})
        for i in range(epochs)
    ]
    (folder / "result.json").write_text("\n".join(lines) + "\n")


def read(folder: Path) -> Log:
    return __main__._log_of_search(folder, slots=None)


def test_a_search_replayed_as_it_ran_stops_the_same_trials_at_the_same_epochs(searched: Plan) -> None:
    logged = read(searched.folder)
    found = outcomes.replay(logged, Setting(1, 3))
    assert {trial.curve.name: trial.epochs for trial in found.trials} == {
        curve.name: len(curve) for curve in logged.curves
    }
    assert found.count(UNKNOWN) == 0
    assert sum(len(curve) == EPOCHS for curve in logged.curves) + found.count(STOPPED) == 12


def test_a_setting_that_stops_later_meets_the_ends_of_stopped_trials(searched: Plan) -> None:
    assert outcomes.replay(read(searched.folder), Setting(4, 3)).count(UNKNOWN) > 3


def test_the_table_marks_the_searchs_own_setting_and_says_what_is_unknown(
    searched: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    assert __main__.main(["--search", str(searched.folder), "--orders", "3"]) == 0
    out = capsys.readouterr().out
    epochs = sum(len(curve) for curve in read(searched.folder).curves)
    assert f"12 trials of up to 9 epochs, 2 of them whole, {epochs} epochs in all, 2 at a time" in out
    assert f"It ran with grace 1, reduction 3; a replay in its own order trains {epochs} epochs" in out
    assert "All replayed in 3 random orders: mean +/- standard error" in out
    assert re.search(r"^> +1 +3 ", out, re.MULTILINE)
    assert "no   stopping" in out
    assert "unknown: trials that this setting would have trained further than they were." in out
    assert out.count("\n") < 25


def test_the_grid_can_be_named(searched: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    __main__.main(["--search", str(searched.folder), "--grace", "2", "--reduction", "2", "4", "--as-tried"])
    out = capsys.readouterr().out
    assert re.findall(r"^ +(\d) +(\d) ", out, re.MULTILINE) == [("2", "2"), ("2", "4")]
    assert "Replayed in the order in which they were tried" in out


def test_some_of_recorded_curves_can_be_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"number": n, "point": {}, "val_f1": [0.1 * n, 0.2 * n], "seconds": [1.0, 1.0]} for n in range(4)]
    Path("curves.jsonl").write_text("\n".join(map(json.dumps, lines)))
    __main__.main(["--curves", "curves.jsonl", "--trials", "3", "--orders", "2"])
    out = capsys.readouterr().out
    assert "curves: 4 trials of up to 2 epochs, 4 of them whole, 8 epochs in all, 5 at a time; best F1 0.600" in out
    assert "3 of them, drawn anew each time, replayed in 2 random orders" in out
    assert re.search(r"no +stopping +6 +0\.00 +0%", out)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--grace", "10"], "--grace: a trial of age_bands has 9 epochs, but got 10"),
        (["--reduction", "1"], "--reduction: at least 2 is needed, but got 1"),
        (["--trials", "13"], "--trials: age_bands has 12 with a result, but got 13"),
    ],
)
def test_a_setting_that_cannot_be_replayed_is_refused(
    searched: Plan, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    assert refused(capsys, "--search", str(searched.folder), *arguments).startswith(f"error: {expected}")


def test_what_is_no_search_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "holds no search" in refused(capsys, "--search", str(tmp_path))
    assert "cannot be read" in refused(capsys, "--curves", "nothing.jsonl")


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert exit_code(lambda: __main__.main(list(arguments))) == 2
    line = capsys.readouterr().err.strip()
    assert "\n" not in line
    return line


def test_a_search_or_a_file_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "one of the arguments --search --curves is required" in refused(capsys)
    assert "not allowed with argument --search" in refused(capsys, "--search", "a", "--curves", "b")
