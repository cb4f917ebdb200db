"""The copies of Ray's state: whole or not used, and every checkpoint that they name is there."""

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from common.errors import SearchError
from tuning.callbacks.snapshots import Snapshots
from tuning.storage import states

MOMENT = itertools.count(1)


class Staged:
    """A search of one trial whose state Ray writes when it is told to, and whose checkpoints are real folders."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.staging, self.trial_folder = (
            folder / "search",
            folder / "staging",
            folder / "search/trial-001",
        )
        self.staging.mkdir()
        self.trial_folder.mkdir(parents=True)
        manager = SimpleNamespace(_checkpoint_results=[], latest_checkpoint_result=None)
        storage = SimpleNamespace(
            experiment_driver_staging_path=str(self.staging), trial_fs_path=str(self.trial_folder)
        )
        metadata = SimpleNamespace(checkpoint_manager=manager)
        self.trial: Any = SimpleNamespace(trial_id="a", storage=storage, run_metadata=metadata)
        self.manager, self.snapshots = manager, Snapshots(self.folder)

    def save(self, number: int) -> None:
        path = self.trial_folder / f"checkpoint_{number:06d}"
        path.mkdir()
        self.manager.latest_checkpoint_result = SimpleNamespace(checkpoint=SimpleNamespace(path=str(path)))
        self.manager._checkpoint_results.append(self.manager.latest_checkpoint_result)

    def ray_writes_its_state(self) -> None:
        moment = next(MOMENT)
        for pattern in states.RAYS:
            file = self.staging / pattern.replace("*", "2026")
            file.write_text(f"{pattern} at moment {moment}, and then some more of it")
            os.utime(file, ns=(moment, moment))

    def step(self) -> None:
        self.snapshots.on_step_end(1, [self.trial])

    @property
    def checkpoints(self) -> list[int]:
        return sorted(int(each.name[-6:]) for each in self.trial_folder.glob("checkpoint_*"))

    @property
    def sets(self) -> list[Path]:
        return sorted((self.folder / "state").iterdir())

    def installed(self) -> str:
        states.install(self.folder)
        return next(self.folder.glob("searcher-state-*")).read_text()


@pytest.fixture
def staged(tmp_path: Path) -> Staged:
    return Staged(tmp_path)


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
    assert staged.checkpoints == [4, 5]


def test_a_state_is_copied_once_and_two_are_kept(staged: Staged) -> None:
    for _ in range(4):
        staged.ray_writes_its_state()
        staged.step()
        staged.step()
    assert [each.name for each in staged.sets] == ["000003", "000004"]


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
