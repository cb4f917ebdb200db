"""A dry run tells what would be spent and what would fail, and starts nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import tune_main
from common.command_line import exit_code
from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.helpers.plans import begin, change
from tuning.plan import describe
from tuning.plan.plan import Plan
from tuning.records import leaderboard, search_json
from tuning.records.rows import Row
from tuning.storage import states


def row(number: int, old_from: int, status: str = "finished") -> Row:
    settings = {"labels/young_below": 30, "labels/old_from": old_from, "labels/young_gap": 0, "labels/old_gap": 0}
    return Row(f"trial-{number:03d}", status, 0.1 * number, 9, 0.1 * number, 9, 90.0, settings)


@pytest.fixture
def searched(make_plan: Callable[..., Plan], small_store: Store) -> Path:
    """A search of three trials that has ended: an epoch took 10 s."""
    plan = make_plan()
    begin(plan, small_store.hash)
    for pattern in states.RAYS:
        (plan.folder / pattern.replace("*", "1")).touch()
    leaderboard.write(plan.folder, [row(1, 58), row(2, 59), row(3, 60)])
    change(plan.folder, state=State.FINISHED, spent={"trials": 6, "epochs": 27, "hours": 1, "gpu_hours": 1})
    return plan.folder


def files(folder: Path) -> set[Path]:
    return {each for each in folder.rglob("*") if each.name not in (".owner", ".lock")}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--confirm", "2"], "Confirming the 2 best of age_bands with 3 fresh seeds: 6 trials x 9 epochs"),
        (
            ["--confirm", "3", "--seeds", "2"],
            "54 epochs; about 0.15 trial-hours, as long as an epoch of age_bands took",
        ),
        (["--confirm", "1", "--folds", "2"], "18 epochs; about 0.05 trial-hours"),
        (["--trials", "+2"], "Going on with age_bands, which ends after 8 trials in all."),
        (["--trials", "+2", "--cpus-per-trial", "1"], "Going on with age_bands"),
    ],
)
def test_what_a_confirmation_or_a_resume_costs_is_told(
    options: list[str], said: str, searched: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(searched)
    assert tune_main.main(["--resume", str(searched), *options, "--dry-run"]) == 0
    printed = capsys.readouterr().out
    assert said in printed
    assert printed.endswith("A dry run: nothing was started.\n")
    assert tune_main.main(["--resume", str(searched), *options, "--dry-run", "--json"]) == 0
    told = capsys.readouterr()
    assert said in told.err and json.loads(told.out)["plan"]["epochs"] == 9
    assert files(searched) == before
    assert search_json.read(searched).state == State.FINISHED


@pytest.mark.parametrize(
    ("write", "why"),
    [
        (lambda file: None, "no such file of weights"),
        (lambda file: file.mkdir(), "no such file of weights"),
        (lambda file: file.write_text("<html>"), "cannot be read as weights (torch.save has not written it)"),
        (lambda file: torch.save({"conv1.weight": torch.zeros(1)}, file), "not weights of a resnet18"),
    ],
)
def test_a_file_of_weights_that_every_trial_would_fail_of_is_refused(
    write: Callable[[Path], None], why: str, small_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "mine.pt")
    options = ["--data", str(small_store.path), "--arch", "resnet18", "--weights", str(tmp_path / "mine.pt")]
    assert exit_code(lambda: tune_main.main(["--space", "age_bands", *options, "--dry-run"])) == 2
    said = capsys.readouterr()
    assert f"{tmp_path}/mine.pt: {why}" in said.err
    assert "A dry run" not in said.out


def test_a_dry_run_of_a_new_search_says_what_its_confirmation_adds(make_plan: Callable[..., Plan]) -> None:
    said = describe.confirmation_in_words(make_plan(), 2, None, 5)
    assert "the 2 best are trained again with 5 folds of people: at most 10 trials x 9 epochs = 90 epochs" in said
    assert "at most 18 trials x 9" in describe.confirmation_in_words(make_plan(), 8, 3, None), "there are six trials"
