"""The copies of Ray's state: whole or not used, and every checkpoint that they name is there."""

import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common import search_state
from common.errors import SearchError
from tests.tuning.helpers.plans import begin
from tuning import ray_internals
from tuning.algorithms.asha import Asha
from tuning.callbacks import snapshots
from tuning.callbacks.snapshots import Snapshots
from tuning.plan.plan import Plan
from tuning.records import leaderboard, search_json
from tuning.records.search_json import Record
from tuning.storage import states
from tuning.storage.states import States

MOMENT = itertools.count(1)


class Staged:
    """A search of one trial whose state Ray writes when it is told to, and whose checkpoints are real folders."""

    def __init__(self, plan: Plan, staging: Path) -> None:
        self.folder, self.staging, self.trial_folder = plan.folder, staging, plan.folder / "trial-001"
        self.staging.mkdir()
        self.trial_folder.mkdir(parents=True)
        manager = SimpleNamespace(_checkpoint_results=[], latest_checkpoint_result=None)
        storage = SimpleNamespace(
            experiment_driver_staging_path=str(self.staging), trial_fs_path=str(self.trial_folder)
        )
        result: dict[str, Any] = {}
        self.trial: Any = Staged.Trial(
            trial_id="a",
            storage=storage,
            status="RUNNING",
            last_result=result,
            config={"labels": {key.split("/")[1]: 30 for key in plan.space.distributions}},
            run_metadata=SimpleNamespace(checkpoint_manager=manager, last_result=result, num_failures=0),
        )
        self.manager = manager
        self.proposals: Any = SimpleNamespace(
            saved=0, files=lambda folder: [folder / pattern.replace("*", "2026") for pattern in states.RAYS]
        )
        self.scheduler = Asha(9, 1, 3)
        self.record = Record(plan.folder, search_json.new(plan, "of the store"))
        self.snapshots = Snapshots(plan, self.record, self.proposals, self.scheduler)

    class Trial(SimpleNamespace):
        def __str__(self) -> str:
            return "trial-001"

    def save(self, number: int) -> None:
        path = self.trial_folder / f"checkpoint_{number:06d}"
        path.mkdir()
        self.manager.latest_checkpoint_result = SimpleNamespace(checkpoint=SimpleNamespace(path=str(path)))
        self.manager._checkpoint_results.append(self.manager.latest_checkpoint_result)

    def ray_writes_its_state(self) -> None:
        moment = next(MOMENT)
        self.trial.last_result["training_iteration"] = moment
        for file in self.proposals.files(self.staging):
            file.write_text(f"{file.name} at moment {moment}, and then some more of it")
        self.proposals.saved += 1

    def step(self) -> None:
        self.snapshots.on_step_end(1, [self.trial])

    @property
    def checkpoints(self) -> list[int]:
        return sorted(int(each.name[-6:]) for each in self.trial_folder.glob("checkpoint_*"))

    @property
    def sets(self) -> list[Path]:
        return search_state.states(self.folder)

    def installed(self) -> str:
        states.install(self.folder)
        return next(self.folder.glob("searcher-state-*")).read_text()


@pytest.fixture
def staged(make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Staged:
    monkeypatch.setattr(snapshots, "SHARE", float("inf"))
    return Staged(make_plan(), tmp_path / "staging")


def test_a_checkpoint_is_not_removed_while_a_state_that_may_be_gone_on_from_names_it(staged: Staged) -> None:
    staged.save(0)
    staged.ray_writes_its_state()
    staged.step()
    for number in (1, 2, 3, 4):  # epochs that are shorter than the time between two states
        staged.save(number)
        staged.step()
    assert staged.checkpoints == [0, 1, 2, 3, 4]
    staged.ray_writes_its_state()
    staged.step()
    assert staged.checkpoints == [0, 3, 4], "the states name 0 and 4, and 3 is there in case 4 is damaged"
    staged.save(5)
    staged.ray_writes_its_state()
    staged.step()
    assert staged.checkpoints == [0, 4, 5], "0 is the older state's, which will soon be minutes old"


def test_a_state_is_copied_once_and_two_are_kept_and_one_of_minutes_ago(staged: Staged) -> None:
    for _ in range(4):
        staged.ray_writes_its_state()
        staged.step()
        staged.step()
    assert [each.name for each in staged.sets] == ["000001", "000003", "000004"]


def test_of_older_states_one_is_always_three_to_six_minutes_old(make_plan: Callable[..., Plan]) -> None:
    plan, now = make_plan(), 0.0
    begin(plan, "of the store")
    kept = States(plan.folder, clock=lambda: now)
    file = plan.folder / "experiment_state-1.json"
    file.touch()
    record, ages = search_json.read(plan.folder), []
    for second in range(0, 1200, 20):
        now = float(second)
        kept.keep([file], record, {})
        numbers = [int(each.name) for each in search_state.states(plan.folder)]
        ages.append([second - 20 * (number - 1) for number in numbers])
    assert all(each[-2:] == [20, 0] and len(each) <= 4 for each in ages[1:])
    assert all(180 <= each[0] <= 360 for each in ages[10:])


def test_a_state_in_which_nothing_is_new_is_not_written_again_for_a_minute(
    staged: Staged, monkeypatch: pytest.MonkeyPatch
) -> None:
    staged.ray_writes_its_state()
    staged.step()
    staged.proposals.saved += 1
    staged.step()
    assert len(staged.sets) == 1
    monkeypatch.setattr(snapshots, "UNCHANGED", 0.0)
    staged.proposals.saved += 1
    staged.step()
    assert len(staged.sets) == 2


def test_states_are_ordered_by_their_numbers_and_what_others_put_beside_them_is_none(staged: Staged) -> None:
    (staged.folder / "state/999998").mkdir(parents=True)
    (staged.folder / "state/notes").mkdir()
    (staged.folder / "state/2026-old").mkdir()
    for _ in range(4):
        staged.ray_writes_its_state()
        staged.step()
    assert [each.name for each in staged.sets] == ["999999", "1000001", "1000002"]
    assert staged.installed() == (staged.sets[-1] / "searcher-state-2026.pkl").read_text()
    assert {each.name for each in (staged.folder / "state").iterdir()} >= {"999998", "notes", "2026-old"}


def test_a_state_says_what_the_search_is_and_the_files_beside_it_are_not_read(staged: Staged) -> None:
    staged.record.change(spent={"trials": 1})
    staged.ray_writes_its_state()
    staged.trial.last_result.update(val_f1=0.4, val_f1_best=0.5, best_epoch=2)
    staged.step()
    for name in ("search.json", "leaderboard.csv"):
        (staged.folder / name).write_text("{")
    assert search_json.read(staged.folder).spent == {"trials": 1}
    (row,) = leaderboard.read(staged.folder)
    assert (row.trial, row.status, row.val_f1_best, row.val_f1, row.best_epoch) == ("trial-001", "running", 0.5, 0.4, 2)
    shutil.copytree(staged.trial_folder, staged.folder / "trial-001-backup")
    assert search_state.trial_folders(staged.folder) == [staged.trial_folder]


def test_the_rungs_are_in_a_state_and_filled_again_from_it(staged: Staged) -> None:
    result = {"training_iteration": 1, "val_f1": 0.25}
    staged.scheduler.on_trial_add(SimpleNamespace(), staged.trial)
    staged.scheduler.on_trial_result(SimpleNamespace(), staged.trial, result)
    staged.scheduler.on_trial_result(SimpleNamespace(), staged.trial, {"training_iteration": 3, "val_f1": 0.5})
    staged.ray_writes_its_state()
    staged.step()
    rungs = (search_state.trials_of(staged.folder) or {})["rungs"]
    assert rungs == {"a": [[1, 0.25], [3, 0.5]]}
    again = Asha(9, 1, 3, rungs)
    again.on_trial_add(SimpleNamespace(), staged.trial)
    assert ray_internals.rungs(again) == ray_internals.rungs(staged.scheduler)


def test_the_newest_state_is_put_where_ray_looks_for_it_in_place_of_any_other(staged: Staged) -> None:
    staged.ray_writes_its_state()
    staged.step()
    (staged.folder / "searcher-state-1999.pkl").write_text("of an earlier driver")
    assert staged.installed() == (staged.sets[-1] / "searcher-state-2026.pkl").read_text()
    assert not (staged.folder / "searcher-state-1999.pkl").exists()


def cut_short(state: Path) -> None:
    os.truncate(state / "experiment_state-2026.json", 20)


def one_bit(state: Path) -> None:
    file = state / "searcher-state-2026.pkl"
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])


def a_file_gone(state: Path) -> None:
    (state / "search_gen_state-2026.json").unlink()


def no_manifest(state: Path) -> None:
    (state / "manifest.json").unlink()


def garbage_for_a_manifest(state: Path) -> None:
    (state / "manifest.json").write_text("{")


def empty(state: Path) -> None:
    for file in state.iterdir():
        os.truncate(file, 0)


@pytest.mark.parametrize(
    "damage",
    [cut_short, one_bit, a_file_gone, no_manifest, garbage_for_a_manifest, empty],
    ids=lambda how: how.__name__,
)
def test_a_damaged_state_is_passed_over_and_without_a_whole_one_nothing_is_begun(
    staged: Staged, damage: Callable[[Path], None]
) -> None:
    for _ in range(2):
        staged.ray_writes_its_state()
        staged.step()
    elder, newest = staged.sets
    damage(newest)
    assert staged.installed() == (elder / "searcher-state-2026.pkl").read_text()
    damage(elder)
    with pytest.raises(SearchError, match="none of its 2 copies is whole; put one back from a backup"):
        states.install(staged.folder)
    assert next(staged.folder.glob("searcher-state-*")).exists()


def test_a_driver_killed_while_it_copies_leaves_nothing_that_counts(staged: Staged) -> None:
    staged.ray_writes_its_state()
    staged.step()
    (staged.folder / "state/.000002.partial").mkdir()
    staged.ray_writes_its_state()
    staged.step()
    assert [each.name for each in staged.sets] == ["000001", "000002"]
