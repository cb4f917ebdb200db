from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from ray.tune.experiment import Experiment

from common.errors import SearchError
from tests.tuning.helpers.curve_trial import CurveTrial
from tuning.algorithms import tpe
from tuning.algorithms.proposals import Proposals
from tuning.plan import points
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.storage import states
from tuning.storage.disk import DiskSpace

New = Callable[..., Proposals]


@pytest.fixture
def proposals(make_plan: Callable[..., Plan], tmp_path: Path) -> New:
    def new(
        trials: int | None,
        resuming: bool = False,
        folder: Path = tmp_path,
        room_for: float = 0.0,
        cpus: int = 1,
        distributions: dict | None = None,
    ) -> Proposals:
        budget = Budget(trials=trials, hours=1)
        plan = make_plan(folder=folder, budget=budget, resources=Resources(cpus=cpus, gpus=0, concurrent=2))
        if distributions:
            start = [next(points.every(distributions))]
            plan = replace(plan, space=replace(plan.space, distributions=distributions, start=start))
        searcher = tpe.searcher(plan.space, seed=0, name="x")
        config, resources = {"shared": {"cpus": cpus}}, {"cpu": cpus, "gpu": 0}
        return Proposals(searcher, plan, config, resources, resuming, DiskSpace(Path("/"), room_for))

    return new


def experiment(folder: Path) -> Experiment:
    return Experiment(name="x", run=CurveTrial, storage_path=str(folder), num_samples=1, config={})


def suggested(found: Proposals) -> int:
    """Trials until it ends or waits for one that runs."""
    n = 0
    while not found.is_finished() and found.next_trial() is not None:
        n += 1
    return n


def test_no_more_trials_than_asked_for_and_than_slots(ray_session: None, proposals: New, tmp_path: Path) -> None:
    for trials, expected in ((1, 1), (2, 2), (5, 2), (None, 2)):
        found = proposals(trials)
        found.add_configurations(experiment(tmp_path))
        assert suggested(found) == expected
        assert found.is_finished() == (trials == expected)


def test_none_is_begun_on_a_disk_without_room_and_the_search_does_not_count_as_ended(
    ray_session: None, proposals: New, tmp_path: Path
) -> None:
    found = proposals(5, room_for=1e9)
    found.add_configurations(experiment(tmp_path))
    assert suggested(found) == 0
    assert not found.is_finished()


def test_a_search_that_had_ended_goes_on_with_a_higher_limit_and_its_study(
    ray_session: None, proposals: New, tmp_path: Path
) -> None:
    first = proposals(1)
    first.add_configurations(experiment(tmp_path))
    trial = first.next_trial()
    assert trial is not None
    first.on_trial_complete(trial.trial_id, {"val_f1_best": 0.5})
    first.save_to_dir(str(tmp_path), "2026")

    second = proposals(2, resuming=True)
    second.restore_from_dir(str(tmp_path))
    assert not second.is_finished()
    assert suggested(second) == 1
    assert second.searcher.searcher._ot_study.best_value == 0.5


def test_new_trials_of_a_search_that_was_moved_are_kept_where_it_lies_now(
    ray_session: None, proposals: New, tmp_path: Path
) -> None:
    first = proposals(1)
    first.add_configurations(experiment(tmp_path))
    first.save_to_dir(str(tmp_path), "2026")
    second = proposals(2, resuming=True, folder=tmp_path / "elsewhere" / "mine")
    second.restore_from_dir(str(tmp_path))
    trial = second.next_trial()
    assert trial is not None
    assert trial.storage.experiment_fs_path == str(tmp_path / "elsewhere" / "mine")


def test_new_trials_have_what_a_search_that_goes_on_elsewhere_gives_them(
    ray_session: None, proposals: New, tmp_path: Path
) -> None:
    first = proposals(1, cpus=8)
    first.add_configurations(experiment(tmp_path))
    first.save_to_dir(str(tmp_path), "2026")
    second = proposals(2, resuming=True, cpus=2)
    second.restore_from_dir(str(tmp_path))
    trial = second.next_trial()
    assert trial is not None
    assert trial.config["shared"] == {"cpus": 2}
    trial.create_placement_group_factory()
    assert trial.placement_group_factory.required_resources == {"CPU": 2}


@pytest.mark.parametrize("name", ["[1]", "a*", "what?", "[!x]"])
def test_a_folder_whose_name_is_a_pattern_is_found(
    name: str, ray_session: None, proposals: New, tmp_path: Path
) -> None:
    folder = tmp_path / name
    folder.mkdir()
    first = proposals(1)
    first.add_configurations(experiment(tmp_path))
    first.save_to_dir(str(folder), "2026")
    second = proposals(2, resuming=True)
    assert second.has_checkpoint(str(folder))
    second.restore_from_dir(str(folder))
    assert suggested(second) == 2
    assert not proposals(2).has_checkpoint(str(tmp_path))


TWO = {"labels/old_from": IntDistribution(58, 59)}
SIX = {**TWO, "labels/young_gap": CategoricalDistribution([0, 1, 2])}


@pytest.mark.parametrize(("trials", "distributions", "number"), [(5, TWO, 2), (6, SIX, 6), (None, SIX, 6)])
def test_each_point_of_a_small_space_is_tried_once(
    trials: int | None, distributions: dict, number: int, ray_session: None, proposals: New, tmp_path: Path
) -> None:
    found = proposals(trials, distributions=distributions)
    found.add_configurations(experiment(tmp_path))
    tried = []
    while trial := found.next_trial():
        assert len(tried) < 50
        tried.append(tuple(trial.config["labels"][key.split("/")[1]] for key in distributions))
        found.on_trial_complete(trial.trial_id, {"val_f1_best": 0.5})
    assert found.is_finished()
    assert len(set(tried)) == number
    assert trials is None or len(tried) == number


def test_a_small_space_goes_on_with_what_was_not_tried(ray_session: None, proposals: New, tmp_path: Path) -> None:
    first = proposals(2, distributions=SIX)
    first.add_configurations(experiment(tmp_path))
    before = []
    while trial := first.next_trial():
        before.append(trial.config["labels"])
        first.on_trial_complete(trial.trial_id, {"val_f1_best": 0.5})
    first.save_to_dir(str(tmp_path), "2026")
    second = proposals(9, resuming=True, distributions=SIX)
    second.restore_from_dir(str(tmp_path))
    after = []
    while trial := second.next_trial():
        after.append(trial.config["labels"])
        second.on_trial_complete(trial.trial_id, {"val_f1_best": 0.5})
    assert len(before) == 2
    assert len({tuple(sorted(point.items())) for point in (*before, *after)}) == 6
    assert len(after) <= 5  # TPE chose the second, and may have chosen the first again


def test_the_files_of_this_driver_are_told_by_its_own_name_and_not_by_the_latest(
    ray_session: None, proposals: New, tmp_path: Path
) -> None:
    found = proposals(1)
    found.add_configurations(experiment(tmp_path))
    for pattern in states.RAYS:
        (tmp_path / pattern.replace("*", "2026-11-01_02-59-59")).touch()  # by a clock that was ahead
    found.save_to_dir(str(tmp_path), "2026-11-01_02-00-00")
    assert found.saved == 1
    assert [file.name for file in found.files(tmp_path)] == [
        pattern.replace("*", "2026-11-01_02-00-00") for pattern in states.RAYS
    ]


def test_our_own_files_are_not_copied_back_over_themselves_by_ray(
    ray_session: None, proposals: New, tmp_path: Path
) -> None:
    first = proposals(1)
    first.add_configurations(experiment(tmp_path))
    first.save_to_dir(str(tmp_path), "2026")
    for name in ("search.json", "ensemble.json", "experiment_state-2026.json"):
        (tmp_path / name).write_text("{}")
    proposals(2, resuming=True).restore_from_dir(str(tmp_path))
    left = {file.name for file in tmp_path.glob("*.json")}
    assert left == {"search_gen_state-2026.json", "experiment_state-2026.json"}


def test_a_resumed_search_never_begins_anew(ray_session: None, proposals: New, tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="the state of the search cannot be read"):
        proposals(2, resuming=True).add_configurations(experiment(tmp_path))
