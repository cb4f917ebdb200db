from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu_hours_to_target import __main__ as benchmark
from benchmarks.gpu_hours_to_target.table import crossing, interval
from common.command_line import exit_code
from tuning.replay.simulation import COMPLETE, PRUNED


def test_the_target_is_crossed_after_the_first_epoch_that_reaches_it() -> None:
    f1 = np.array([0.1, 0.5, 0.5, 0.7])
    assert [crossing(f1, target) for target in (0.1, 0.5, 0.6, 0.8)] == [1, 2, 4, math.inf]


def test_a_method_that_is_there_in_half_the_epochs_whatever_the_seeds_needs_two_times_fewer() -> None:
    random = np.array([[0.1, 0.1, 0.1, 0.5]] * 3)
    assert interval(np.array([[0.1, 0.6, 0.6, 0.6]] * 3), random) == (2, 2)
    assert interval(np.array([[0.1, 0.1, 0.1, 0.4]] * 3), random) == (0, 0)


def write_curves(file: Path) -> None:
    rng = np.random.default_rng(0)
    with file.open("w") as out:
        for number in range(30):
            point = {f"labels/{name}": int(rng.integers(low, high + 1)) for name, low, high in RANGES}
            height = 0.8 - 0.05 * abs(point["labels/old_from"] - 58)
            f1 = [height * epoch / (epoch + 2) for epoch in range(1, 5)]
            out.write(json.dumps({"number": number, "point": point, "val_f1": f1, "seconds": [3.0] * 4}) + "\n")


RANGES = (("young_below", 27, 32), ("old_from", 56, 60), ("young_gap", 0, 3), ("old_gap", 0, 3))


@pytest.mark.parametrize("which", [[], ["--sweep"], ["--variants"]])
def test_all_methods_are_compared_at_the_same_budget(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], which: list[str]
) -> None:
    write_curves(tmp_path / "curves.jsonl")
    small = ["--curves", str(tmp_path / "curves.jsonl"), "--space", "age_bands", "--trials", "5", "--seeds", "2"]
    assert benchmark.main([*small, "--grace", "1", *which]) == 0
    out = capsys.readouterr().out
    assert "30 curves of 4 epochs" in out
    assert "budget 20 epochs = 0.02 GPU-hours at 3.00 s an epoch; 5 slots, 2 seeds" in out
    lines = [line for line in out.splitlines() if line.startswith("| ")]
    methods = {(): 4, ("--sweep",): 2 + 6, ("--variants",): 2 + 11}[tuple(which)]
    assert len(lines) == 2 + methods + methods - 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--grace", "5"], "--grace: a curve has 4 epochs, but got 5"),
        (["--reduction", "1"], "--reduction: at least 2"),
        (["--share", "0"], "--share: 0 < share <= 1 must hold, but got 0"),
        (["--sampler", "gamma=3"], "--sampler: multivariate"),
    ],
)
def test_an_option_that_makes_no_benchmark_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    write_curves(tmp_path / "curves.jsonl")
    command = ["--curves", str(tmp_path / "curves.jsonl"), "--grace", "3", *arguments]
    assert exit_code(lambda: benchmark.main(command)) == 2
    assert capsys.readouterr().err.startswith(f"error: {expected}")


def test_optuna_may_be_told_what_the_simulation_can_tell_it() -> None:
    assert benchmark.TOLD == (COMPLETE, PRUNED)
