import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from common.errors import OptionError, SearchError, SpaceError
from common.search_record import SearchRecord
from data_prep.task import REFERENCE
from tuning.plan import describe, disk_need, profiles, settings, spaces
from tuning.plan import plan as planning
from tuning.plan.budget import Budget
from tuning.plan.describe import in_words
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.plan.settings import shared_settings
from tuning.plan.spaces import Space
from tuning.search import snapshot_seconds
from tuning.storage.folder_home import FolderHome
from tuning.storage.naming import new_home


def test_the_command_line_wins_over_the_profile_and_the_cycle_fits_the_epochs() -> None:
    space = spaces.load("age_bands")
    merged = shared_settings(space, profiles.REFERENCE, epochs=4, weights="none", seed=7)
    assert merged == {
        "train/epochs": 4,
        "model/weights": "none",
        "train/seed": 7,
        "schedule/cycle": 4,
        "schedule/warmup": 3,
    }


def test_what_the_space_varies_is_never_fixed() -> None:
    space = spaces.load("age_bands")
    fixed = shared_settings(space, profiles.Profile("x", "", 1, 1, 1, 3, {"labels/old_from": 58}), seed=0)
    assert "labels/old_from" not in fixed


def test_an_option_that_makes_no_valid_trial_is_refused() -> None:
    with pytest.raises(OptionError, match=r"model/weights: .* but got 'imagnet'"):
        shared_settings(spaces.load("age_bands"), profiles.REFERENCE, weights="imagnet", seed=0)


def test_rungs_start_at_grace_and_stay_below_the_last_epoch(make_plan: Callable[..., Plan]) -> None:
    assert make_plan(epochs=27, grace=1).rungs() == [1, 3, 9]
    assert make_plan(epochs=8, grace=2).rungs() == [2, 6]
    assert make_plan(epochs=3, grace=3).rungs() == []


def test_grace_beyond_the_epochs_and_other_nonsense_is_refused(make_plan: Callable[..., Plan]) -> None:
    with pytest.raises(OptionError, match=r"--grace: 1 <= grace <= epochs \(9\) must hold, but got 10"):
        make_plan(grace=10)
    with pytest.raises(OptionError, match="--reduction: at least 2"):
        make_plan(reduction=1)
    with pytest.raises(OptionError, match="--keep: at least 1"):
        make_plan(keep=0)


def test_a_search_takes_the_next_free_name(tmp_path: Path) -> None:
    (tmp_path / "age_bands").mkdir()
    assert new_home(FolderHome(tmp_path), "age_bands", None).folder.name == "age_bands-2"
    assert new_home(FolderHome(tmp_path), "age_bands", "mine").folder.name == "mine"


def test_a_name_that_is_taken_is_an_error_that_names_resume(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(SearchError, match=r"already holds a search.*--resume .*mine"):
        new_home(FolderHome(tmp_path), "age_bands", "mine")


def test_a_name_is_a_plain_folder_name(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="--name: a plain folder name"):
        new_home(FolderHome(tmp_path), "age_bands", "../mine")


def test_the_description_has_the_space_the_points_the_resources_and_the_worst_case(
    make_plan: Callable[..., Plan],
) -> None:
    text = in_words(make_plan(epochs=9), REFERENCE)
    assert "labels/old_from          56 .. 60" in text
    assert "young_below 30, old_from 60, young_gap 0, old_gap 0" in text
    assert "one trial on 1 core, no GPU; 2 at a time" in text
    assert "at most 6 trials x 9 epochs = 54 epochs" in text
    assert "optimizer/name           adamw  (reference sgd)" in text


def test_starting_points_move_to_what_the_profile_says_and_the_reference_still_leads() -> None:
    space = spaces.load("scheduler_decay")
    start = settings.with_profile(space, profiles.SAMPLE).start
    shown = [(point["schedule/max_lr"], point["schedule/cycle"], point["schedule/decay"]) for point in start]
    assert start[0] == space.reference()
    # The sample's cycle of 5 epochs is below the space's range, which starts at 6.
    assert shown[1:] == [(0.001, 6, 0.5), (0.001, 6, 0.8), (0.001, 10, 0.5), (0.003, 6, 0.5)]
    assert settings.with_profile(space, profiles.REFERENCE).start == space.start


def test_limits_are_said_in_the_machines_own_unit(make_plan: Callable[..., Plan]) -> None:
    budget = Budget(trials=9, gpu_hours=2.5)
    assert describe.budget_in_words(make_plan(budget=budget)) == "9 trials or 2.5 trial-hours"
    with_gpus = make_plan(budget=budget, resources=Resources(cpus=8, gpus=1, concurrent=5))
    assert describe.budget_in_words(with_gpus) == "9 trials or 2.5 GPU-hours"


def test_snapshots_are_a_second_apart_and_further_in_large_searches() -> None:
    assert [snapshot_seconds(trials) for trials in (None, 5, 400, 4000)] == [1.0, 1.0, 1.0, 10.0]


def test_peak_disk_grows_with_what_is_kept_and_with_what_runs(make_plan: Callable[..., Plan]) -> None:
    one = make_plan(keep=1, budget=Budget(trials=100))
    ten = make_plan(keep=10, budget=Budget(trials=100))
    assert disk_need.disk_gb(ten) - disk_need.disk_gb(one) == pytest.approx(9 * 0.045)
    wider = make_plan(keep=1, budget=Budget(trials=100), resources=Resources(1, 0, 4))
    assert disk_need.disk_gb(wider) > 1.5 * disk_need.disk_gb(one)


def test_trials_are_compared_later_where_the_space_varies_their_schedules() -> None:
    reference = profiles.REFERENCE
    assert reference.grace_of(spaces.load("age_bands+crop_sizes").distributions) == reference.grace == 10
    assert reference.grace_of(spaces.load("recipe").distributions) == reference.late_grace == 20


def test_settings_take_the_stores_official_bands_where_they_are_not_the_recipes_and_do_not_vary() -> None:
    crops, bands = spaces.load("crop_sizes"), spaces.load("age_bands")
    assert shared_settings(crops, profiles.REFERENCE, seed=7, bands=(25, 40)) == {
        "labels/young_below": 25,
        "labels/old_from": 40,
        "train/seed": 7,
    }
    assert shared_settings(crops, profiles.REFERENCE, seed=7, bands=(30, 59)) == {
        "labels/old_from": 59,
        "train/seed": 7,
    }
    assert shared_settings(crops, profiles.REFERENCE, seed=7, bands=(30, 60)) == {"train/seed": 7}
    assert shared_settings(bands, profiles.REFERENCE, seed=7, bands=(29, 58)) == {"train/seed": 7}


def test_a_space_that_fixes_thresholds_keeps_its_own() -> None:
    fixed = {"labels/old_from": 38}
    space = Space("x", "", {"loss/smoothing": FloatDistribution(0, 0.2)}, fixed, [{"loss/smoothing": 0.02}])
    merged = shared_settings(space, profiles.REFERENCE, seed=7, bands=(25, 40))
    assert (merged["labels/young_below"], merged["labels/old_from"]) == (25, 38)


def test_a_search_begins_with_the_stores_bands_where_the_space_varies_them() -> None:
    space = spaces.load("recipe")
    start = settings.with_profile(settings.with_bands(space, (30, 59)), profiles.REFERENCE).start
    thresholds = [(point["labels/young_below"], point["labels/old_from"]) for point in start]
    assert thresholds[:4] == [(30, 59), (30, 58), (30, 57), (29, 57)], (
        "as far from the store's as the space's are from 30/60"
    )
    assert start[0] == {**space.reference(), "labels/old_from": 59}
    assert settings.with_bands(space, (30, 60)) == space


@pytest.mark.parametrize(
    ("name", "bands", "message"),
    [
        ("age_bands", (25, 40), "varies labels/young_below over 27 .. 32, but the store's official age bands begin at"),
        ("recipe", (30, 65), r"varies labels/old_from over 56 .. 60, but .* at 30 and 65; write a space of your own"),
    ],
)
def test_a_space_that_leaves_the_stores_bands_out_is_refused(name: str, bands: tuple[int, int], message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        settings.with_bands(spaces.load(name), bands)


def test_ranges_are_checked_against_the_stores_bands() -> None:
    gap = Space("x", "", {"labels/young_gap": IntDistribution(0, 20)}, {}, [{"labels/young_gap": 0}])
    assert settings.with_bands(gap, (30, 60)) == gap
    with pytest.raises(SpaceError, match=r"its ranges allow .*20.*, which is no valid trial: labels: young_below"):
        settings.with_bands(gap, (25, 40))


def test_a_plan_keeps_an_address_as_it_is(make_plan: Callable[..., Plan]) -> None:
    plan = dataclasses.replace(make_plan(), store="s3://bucket/masks?region=eu-west-1")
    record = SearchRecord(plan=planning.to_json(plan), store={"path": plan.store, "hash": "x"})
    assert planning.from_record(plan.folder, record) == plan
    without = {key: value for key, value in record.plan.items() if key != "pictures"}
    assert planning.from_record(plan.folder, dataclasses.replace(record, plan=without)).pictures


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("budget", {"trials": 6, "hours": value}) for value in ([], {}, "9", True, -1, 10**400, float("nan"))),
        *(("resources", value) for value in (None, [], {}, {"cpus": 1, "gpus": "0", "concurrent": 2})),
        *(("epochs", value) for value in (None, "9", 10**400, 0)),
        *(("space", value) for value in (None, [], {}, {"name": "x"})),
        *(("settings", None), ("seed", "1"), ("profile", []), ("keep", 0)),
    ],
)
def test_a_plan_of_nonsense_is_refused_in_a_line(key: str, value: object, make_plan: Callable[..., Plan]) -> None:
    plan = make_plan()
    about = json.loads(json.dumps(planning.to_json(plan)))
    record = SearchRecord(plan={**about, key: value}, store={"path": plan.store, "hash": "x"})
    with pytest.raises((SearchError, OptionError, SpaceError)) as raised:
        planning.from_record(plan.folder, record)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("step", [float("inf"), 0, "1"])
def test_a_space_of_nonsense_is_refused_in_a_line(step: object, make_plan: Callable[..., Plan]) -> None:
    plan = make_plan()
    about = json.loads(json.dumps(planning.to_json(plan)))
    about["space"]["distributions"]["labels/old_from"]["attributes"]["step"] = step
    with pytest.raises(SearchError, match="is of another version of masktune"):
        planning.from_record(plan.folder, SearchRecord(plan=about, store={"path": plan.store, "hash": "x"}))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"budget": Budget(trials=6), "grace": 9}, ["at most 6 trials x 9 epochs = 54 epochs"]),
        (
            {"budget": Budget(gpu_hours=9), "grace": 9},
            ["if an epoch takes a minute, time for 60 trials x 9 epochs"],
        ),
        (
            {"budget": Budget(gpu_hours=9)},  # of 1000 trials 1 epoch, of 333 two more, of 111 six more
            ["if an epoch takes a minute, time for 60 trials x 9 epochs, about 231 if ASHA stops what it can"],
        ),
        (
            {"budget": Budget(gpu_hours=9), "grace": 9, "resources": Resources(cpus=1, gpus=0.5, concurrent=2)},
            ["if an epoch takes a minute, time for 120 trials x 9 epochs"],
        ),
        (
            {"budget": Budget(hours=9, gpu_hours=90), "grace": 9},  # two at a time
            ["if an epoch takes a minute, time for 120 trials x 9 epochs"],
        ),
        (
            {"budget": Budget(trials=2, hours=9), "grace": 9},
            [
                "at most 2 trials x 9 epochs = 18 epochs; that ends the search, not its 9 hours, unless an epoch takes "
                "over 60 minutes"
            ],
        ),
        (
            {"budget": Budget(trials=1, hours=1, gpu_hours=240), "grace": 9},
            [
                "at most 1 trial x 9 epochs = 9 epochs; that ends the search, not its 1 hour, unless an epoch takes "
                "over 13 minutes"
            ],
        ),
        (
            {"budget": Budget(trials=500, hours=90, gpu_hours=1)},
            [
                "if an epoch takes a minute, 1 trial-hour ends the search: time for 7 of 500 trials x 9 epochs, about "
                "26 if ASHA stops what it can"
            ],
        ),
    ],
)
def test_the_plan_says_how_many_trials_it_is_for(
    changes: dict, said: list[str], make_plan: Callable[..., Plan]
) -> None:
    lines = [line.strip() for line in in_words(make_plan(epochs=9, **changes), REFERENCE).splitlines()]
    assert [line for line in lines if re.search("trials? x", line)] == said


def test_of_a_cluster_that_was_not_asked_nobody_knows_how_many_trials_its_hours_are_for(
    make_plan: Callable[..., Plan],
) -> None:
    text = in_words(make_plan(budget=Budget(hours=9)), REFERENCE, seen=False)
    assert "if an epoch takes a minute" not in text
