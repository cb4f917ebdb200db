"""What a refit trains: chosen settings, each for the length of its own best epoch, on train and val together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from common.command_line import exit_code
from common.errors import OptionError, SearchError
from common.files import write_json
from common.search_folder import ENSEMBLE
from data_prep.store.store import Store
from tests.tuning.helpers.plans import begin
from tune_main import main
from tuning.confirm import refit
from tuning.confirm.refit import Chosen
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.records import leaderboard, search_json
from tuning.records.rows import Row

GAPS = {"labels/young_gap": 0, "labels/old_gap": 0}


def settings(old_from: int) -> dict[str, Any]:
    return {"labels/young_below": 30, "labels/old_from": old_from, **GAPS}


def row(number: int, best: float, old_from: int, best_epoch: int, **varied: Any) -> Row:
    more = {key.replace("__", "/"): value for key, value in varied.items()}
    return Row(f"trial-{number:03d}", "finished", best, best_epoch, best, 9, 9.0, {**settings(old_from), **more})


@pytest.fixture
def searched(make_plan: Callable[..., Plan], small_store: Store) -> Plan:
    """A search of three trials, none of them voting yet."""
    plan = make_plan(seed=42)
    begin(plan, small_store.hash)
    leaderboard.write(plan.folder, [row(1, 0.5, 60, 7), row(2, 0.7, 58, 9), row(3, 0.6, 59, 4)])
    return plan


def confirm(search: Plan, name: str, rows: list[Row]) -> None:
    """Write what a confirmation of trial-002 left."""
    (search.folder / name).mkdir()
    search_json.new(search, "hash", confirms={}).write(search.folder / name)
    leaderboard.write(search.folder / name, rows)


def chooses(search: Plan, **members: list[str]) -> None:
    """Write what the ensemble is, as far as a refit reads it: the folders of each member's models."""
    models = {name: [{"folder": folder, "sha256": ""} for folder in folders] for name, folders in members.items()}
    members_ = [{"name": name, "folders": folders} for name, folders in models.items()]
    write_json(search.folder / ENSEMBLE, {"format": 2, "members": members_})


def test_each_member_trains_on_all_people_for_as_long_as_its_best_epoch_was(searched: Plan) -> None:
    chooses(searched, **{"trial-002": ["trial-002"], "trial-003": ["trial-003"]})
    plan, about = refit.plan_of(searched, refit.members(searched))
    configs = [plan.config(point) for point in plan.space.start]
    assert [(each.labels.old_from, each.train.epochs, each.train.refit) for each in configs] == [(58, 9, 1), (59, 4, 1)]
    assert plan.folder == searched.folder / "refit"
    assert (plan.budget, plan.epochs, plan.rungs()) == (Budget(trials=2), 9, [])
    assert [each["folders"] for each in about["members"]] == [["trial-002"], ["trial-003"]]
    for config, point in zip(configs, (settings(58), settings(59)), strict=True):
        flat, before = config.to_flat(), searched.config(point).to_flat()
        assert {key for key in flat if flat[key] != before[key]} <= {"train/epochs", "train/refit"}


def test_the_best_trials_are_refitted_if_so_many_are_asked_for(searched: Plan) -> None:
    first, second = refit.best_trials(searched, 2)
    assert first == Chosen("trial-002", 9, settings(58), ("trial-002",))
    assert second == Chosen("trial-003", 4, settings(59), ("trial-003",))
    with pytest.raises(OptionError, match="--refit 4: the search has 3 different trials to choose from; name fewer"):
        refit.best_trials(searched, 4)


def test_equal_settings_of_one_length_are_trained_once(searched: Plan) -> None:
    chosen = [Chosen(name, 9, settings(58), (name,)) for name in ("trial-002", "trial-009")]
    plan, about = refit.plan_of(searched, chosen)
    assert len(plan.space.start) == plan.budget.trials == 1
    assert len(about["members"]) == 2


def test_a_model_of_a_confirmation_is_refitted_with_its_own_seed(searched: Plan) -> None:
    confirm(searched, "confirm", [row(1, 0.6, 58, 5, train__seed=43), row(2, 0.6, 58, 6, train__seed=44)])
    chooses(searched, **{"trial-003": ["trial-003"], "confirm/trial-002": ["confirm/trial-002"]})
    plan, _ = refit.plan_of(searched, refit.members(searched))
    trained = [plan.config(point).train for point in plan.space.start]
    assert [(each.seed, each.epochs) for each in trained] == [(42, 4), (44, 6)]
    assert "train/seed" not in plan.settings


def test_models_of_folds_are_refitted_as_one_for_the_median_of_their_lengths(searched: Plan) -> None:
    rows = [row(number, 0.6, 58, epoch, train__fold=number - 1) for number, epoch in ((1, 3), (2, 8), (3, 5))]
    confirm(searched, "confirm-2", rows)
    folders = [f"confirm-2/trial-00{number}" for number in (1, 2, 3)]
    chooses(searched, **{"confirm-2/trial-002": folders})
    assert refit.members(searched) == [Chosen("confirm-2/trial-002", 5, settings(58), tuple(folders))]


@pytest.mark.parametrize("folder", ["trial-009", "soup", "confirm/trial-001", "../trial-001", "/elsewhere/trial-001"])
def test_a_member_that_cannot_be_trained_again_is_named(searched: Plan, folder: str) -> None:
    chooses(searched, first=["trial-001"], odd=[folder])
    with pytest.raises(OptionError, match=r"--refit: odd, which ensemble.json .* is no trial of this search"):
        refit.members(searched)


def test_the_ensemble_of_a_version_before_is_read_too(searched: Plan) -> None:
    write_json(searched.folder / ENSEMBLE, {"members": [{"trial": "trial-003", "val_f1": 0.6}]})
    assert refit.members(searched) == [Chosen("trial-003", 4, settings(59), ("trial-003",))]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"members": 3}', '{"members": [3]}', '{"members": [{"name": "a", "folders": 3}]}']
)
def test_a_damaged_choice_is_one_line(searched: Plan, content: str) -> None:
    (searched.folder / ENSEMBLE).write_text(content)
    with pytest.raises(SearchError, match=r"ensemble.json cannot be read .*; choose the ensemble again"):
        refit.members(searched)


def test_a_search_without_an_ensemble_says_what_to_do(
    searched: Plan, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert exit_code(lambda: main(["--resume", str(searched.folder), "--refit"])) == 2
    error = capsys.readouterr().err
    assert "no ensemble has been chosen" in error and "--refit 4" in error and error.count("\n") == 1
    assert not (searched.folder / "refit").exists()


@pytest.mark.parametrize(
    "options",
    [["--space", "age_bands", "--refit"], ["--resume", "runs/a", "--refit", "--confirm", "2"],
     ["--resume", "runs/a", "--refit", "2", "--trials", "+3"]],
)  # fmt: skip
def test_it_goes_with_a_search_that_is_there_and_with_nothing_else(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(lambda: main(options)) == 2
    assert capsys.readouterr().err.startswith("error: --refit trains what was chosen from a search: --resume")


def test_a_dry_run_says_who_and_how_long_and_an_open_refit_is_gone_on_with(
    searched: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--resume", str(searched.folder), "--refit", "2", "--dry-run"]
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "Refitting trial-002 (9 epochs), trial-003 (4 epochs) of age_bands on train and val together" in said
    assert "13 epochs; about" in said and said.endswith("A dry run: nothing was started.\n")
    assert not (searched.folder / "refit").exists()
    plan, about = refit.plan_of(searched, refit.best_trials(searched, 1))
    plan.folder.mkdir()
    search_json.new(plan, "hash", refits=about).write(plan.folder)
    leaderboard.write(plan.folder, [Row("trial-001", "interrupted", None, 2, None, 2, 9.0, plan.space.start[0])])
    assert exit_code(lambda: main(arguments)) == 2
    assert f"go on with it: python tune_main.py --resume {searched.folder}/refit" in capsys.readouterr().err
    assert exit_code(lambda: main(["--resume", str(plan.folder), "--refit", "1"])) == 2
    assert "trains the trials of another search again" in capsys.readouterr().err
