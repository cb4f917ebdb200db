"""--json: what programs read of a search; people's lines go to stderr then."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

import tune_main
from common.errors import OptionError, SearchError
from common.search_record import State
from data_prep.store.store import Store
from tests.tuning.command.test_dry_run import row
from tests.tuning.helpers.plans import begin, change
from tuning.command.ending.finish import finish
from tuning.plan import profiles, spaces
from tuning.plan.settings import shared_settings


def test_a_dry_run_tells_programs_the_plan_and_people_the_rest(
    small_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--space", "age_bands", "--data", str(small_store.path), "--runs", str(tmp_path), "--dry-run", "--json"]
    assert tune_main.main([*options, "--set", "loss/smoothing=0.05"]) == 0
    printed = capsys.readouterr()
    about = json.loads(printed.out)
    assert about["search"] == "age_bands" and about["plan"]["settings"]["loss/smoothing"] == 0.05
    assert "Nothing was started" in printed.err or "nothing was started" in printed.err


def test_the_best_trial_leads_and_the_exit_code_is_told(make_plan, small_store: Store) -> None:
    plan, rows = make_plan(), [row(1, 58), row(2, 59)]
    begin(plan, small_store.hash)
    change(
        plan.folder,
        state=State.FINISHED,
        spent={"trials": 2, "epochs": 18, "hours": 1, "gpu_hours": 1, "gpu_hours_saved": 0},
    )
    answer = io.StringIO()
    assert finish(plan, rows, answer) == 0
    about = json.loads(answer.getvalue())
    assert [each["trial"] for each in about["trials"]] == ["trial-002", "trial-001"]
    assert about["best"]["settings"]["labels/old_from"] == 59
    assert (about["state"], about["exit_code"], about["error"]) == ("finished", 0, None)


def test_a_search_that_failed_is_told_before_the_error_is_raised(make_plan, small_store: Store) -> None:
    plan, rows = make_plan(), [row(1, 58, "failed")]
    begin(plan, small_store.hash)
    change(
        plan.folder,
        state=State.FINISHED,
        spent={"trials": 1, "epochs": 0, "hours": 1, "gpu_hours": 1, "gpu_hours_saved": 0},
    )
    answer = io.StringIO()
    with pytest.raises(SearchError, match="every trial failed"):
        finish(plan, rows, answer)
    about = json.loads(answer.getvalue())
    assert about["exit_code"] == 2 and about["error"].startswith("every trial failed")


def test_what_the_space_varies_or_has_an_option_cannot_be_set() -> None:
    space = spaces.load("age_bands")
    with pytest.raises(OptionError, match="--set labels/old_from: the space age_bands varies it"):
        shared_settings(space, profiles.REFERENCE, seed=1, also={"labels/old_from": 58})
    with pytest.raises(OptionError, match="--set model/arch: this has an option of its own; say --arch"):
        shared_settings(space, profiles.REFERENCE, seed=1, also={"model/arch": "resnet18"})
    with pytest.raises(OptionError, match="loss/smothing: no such setting; did you mean loss/smoothing"):
        shared_settings(space, profiles.REFERENCE, seed=1, also={"loss/smothing": 0.1})
    assert shared_settings(space, profiles.REFERENCE, seed=1, also={"loss/smoothing": 0.1})["loss/smoothing"] == 0.1
