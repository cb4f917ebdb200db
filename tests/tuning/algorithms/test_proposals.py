from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.tune.experiment import Experiment

from common.errors import SearchError
from tests.tuning.curve_trial import CurveTrial
from tuning.algorithms import tpe
from tuning.algorithms.proposals import Proposals
from tuning.plan import spaces
from tuning.plan.resources import Resources
from tuning.storage import states
from tuning.storage.disk import DiskSpace

HERE = Path("x").absolute()


def proposals(trials: int | None, resuming: bool = False, folder: Path = HERE, room_for: float = 0.0) -> Proposals:
    searcher = tpe.searcher(spaces.load("age_bands"), seed=0, name="x")
    of: Any = SimpleNamespace(folder=folder, resources=Resources(1, 0, 2), budget=SimpleNamespace(trials=trials))
    return Proposals(searcher, of, {"shared": {"store": "here"}}, resuming, DiskSpace(Path("/"), room_for))


def experiment(folder: Path) -> Experiment:
    return Experiment(name="x", run=CurveTrial, storage_path=str(folder), num_samples=1, config={})


def suggested(found: Proposals) -> int:
    """Trials until it ends or waits for one that runs."""
    n = 0
    while not found.is_finished() and found.next_trial() is not None:
        n += 1
    return n


def test_no_more_trials_than_asked_for_and_than_slots(ray_session: None, tmp_path: Path) -> None:
    for trials, expected in ((1, 1), (2, 2), (5, 2), (None, 2)):
        found = proposals(trials)
        found.add_configurations(experiment(tmp_path))
        assert suggested(found) == expected
        assert found.is_finished() == (trials == expected)


def test_none_is_begun_on_a_disk_without_room_and_the_search_does_not_count_as_ended(
    ray_session: None, tmp_path: Path
) -> None:
    found = proposals(5, room_for=1e9)
    found.add_configurations(experiment(tmp_path))
    assert suggested(found) == 0
    assert not found.is_finished()


def test_a_search_that_had_ended_goes_on_with_a_higher_limit_and_its_study(ray_session: None, tmp_path: Path) -> None:
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


def test_new_trials_of_a_search_that_was_moved_are_kept_where_it_lies_now(ray_session: None, tmp_path: Path) -> None:
    first = proposals(1)
    first.add_configurations(experiment(tmp_path))
    first.save_to_dir(str(tmp_path), "2026")
    second = proposals(2, resuming=True, folder=tmp_path / "elsewhere" / "mine")
    second.restore_from_dir(str(tmp_path))
    trial = second.next_trial()
    assert trial is not None
    assert trial.storage.experiment_fs_path == str(tmp_path / "elsewhere" / "mine")
    assert trial.config["shared"] == {"store": "here"}, "and hear where the store is now"
    assert set(trial.config["labels"]) == {"young_below", "old_from", "young_gap", "old_gap"} & set(
        trial.config["labels"]
    )


def test_the_files_of_this_driver_are_told_by_its_own_name_and_not_by_the_latest(
    ray_session: None, tmp_path: Path
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


def test_our_own_files_are_not_copied_back_over_themselves_by_ray(ray_session: None, tmp_path: Path) -> None:
    first = proposals(1)
    first.add_configurations(experiment(tmp_path))
    first.save_to_dir(str(tmp_path), "2026")
    for name in ("search.json", "ensemble.json", "experiment_state-2026.json"):
        (tmp_path / name).write_text("{}")
    proposals(2, resuming=True).restore_from_dir(str(tmp_path))
    left = {file.name for file in tmp_path.glob("*.json")}
    assert left == {"search_gen_state-2026.json", "experiment_state-2026.json"}


def test_a_resumed_search_never_begins_anew(ray_session: None, tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="the state of the search cannot be read"):
        proposals(2, resuming=True).add_configurations(experiment(tmp_path))
