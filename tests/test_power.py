"""What a search, a store and a trial go on from outlives a power cut at any moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from common import files, search_state
from common.errors import CheckpointError
from common.security.regular_file import read_json
from tests.helpers.power import Disk
from tests.trainable.worker.test_durable import trained, worker
from tests.tuning.callbacks.test_snapshots import Staged
from trainable import checkpoint
from tuning.algorithms import study_file
from tuning.callbacks import snapshots
from tuning.callbacks.json_lines import Results
from tuning.plan.plan import Plan
from tuning.records import leaderboard, search_json
from tuning.records.results import PARAMS, reported
from tuning.storage.states import States


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    (tmp_path / "disk").mkdir()
    with closing(Disk(tmp_path / "disk", monkeypatch)) as made:
        yield made


def test_what_was_flushed_is_left_and_what_was_not_is_empty_or_gone(disk: Disk, tmp_path: Path) -> None:
    files.write_text(disk.root / "a", "flushed")
    files.write_text(disk.root / "a", "not flushed", flushed=False)
    (disk.root / "b").write_text("not flushed")
    left = disk.restore(-1, tmp_path / "left")
    assert {each.name: each.read_text() for each in left.iterdir()} == {"a": "flushed"}
    files.flush(disk.root)
    left = disk.restore(-1, tmp_path / "later")
    assert {each.name: each.read_text() for each in left.iterdir()} == {"a": "", "b": ""}


def test_a_file_that_is_replaced_is_the_old_or_the_new_one_at_any_moment(disk: Disk, tmp_path: Path) -> None:
    files.write_text(disk.root / "a", "old")
    since = len(disk.left) - 1
    files.write_text(disk.root / "a", "new")
    seen = [disk.restore(moment, tmp_path / f"{moment}") for moment in range(since, len(disk.left))]
    assert {(each / "a").read_text() for each in seen} == {"old", "new"}
    assert (seen[-1] / "a").read_text() == "new"


def test_a_search_has_its_record_from_its_beginning_and_its_last_state_ever_after(
    disk: Disk, make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    plan = make_plan(folder=disk.root / "age_bands")
    with files.new_folder(plan.folder) as fresh:
        search_json.new(plan, "of the store").write(fresh, flushed=True)
    kept = States(plan.folder)
    rays = [tmp_path / name for name in ("experiment_state-1.json", "search_gen_state-1.json", "searcher-state-1.pkl")]
    done = {len(disk.left) - 1: 0}
    for number in range(1, 7):
        for file in rays:
            file.write_text(f"{file.name} of moment {number}")
        kept.keep(rays, search_json.read(plan.folder), {"trials": [], "rungs": {}})
        done[len(disk.left) - 1] = number
    for moment in range(min(done), len(disk.left)):
        left = disk.restore(moment, tmp_path / f"{moment}") / "age_bands"
        least = max(number for when, number in done.items() if when <= moment)
        newest = search_state.newest(left)
        assert int(newest.name if newest else 0) in (least, least + 1), moment
        assert search_json.read(left).name == "age_bands"
        if newest:
            assert (newest / rays[2].name).read_text() == f"{rays[2].name} of moment {int(newest.name)}"


def test_a_state_counts_on_no_epoch_whose_line_is_lost(
    disk: Disk, make_plan: Callable[..., Plan], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Curves are in result.json alone; what varies is read from params.json."""
    monkeypatch.setattr(snapshots, "SHARE", float("inf"))
    staged = Staged(make_plan(folder=disk.root / "age_bands"), tmp_path / "staging")
    files.flush(disk.root)
    results = Results()
    results.on_trial_start(1, [], staged.trial)
    for _ in range(3):
        staged.ray_writes_its_state()
        results.on_trial_result(1, [], staged.trial, dict(staged.trial.last_result))
        staged.step()
    seen = set()
    for moment in range(len(disk.left)):
        left = disk.restore(moment, tmp_path / f"{moment}") / "age_bands"
        for row in leaderboard.read(left) if search_state.newest(left) else ():
            seen.add(row.epochs)
            lines = [line["training_iteration"] for line in reported(left / row.trial)]
            assert row.epochs in lines, moment
            assert "labels" in read_json(left / row.trial / PARAMS)
    assert len(seen) == 3


def test_a_study_that_was_written_is_on_the_disk(disk: Disk, tmp_path: Path) -> None:
    study_file.write(disk.root, "age_bands", [])
    left = disk.restore(-1, tmp_path / "left")
    assert optuna.load_study(study_name="age_bands", storage=f"sqlite:///{left / 'study.db'}").trials == []


def test_a_trial_loses_an_epoch_at_most(disk: Disk, tmp_path: Path) -> None:
    (disk.root / "trial-001").mkdir()
    files.flush(disk.root)
    made = worker(disk.root / "trial-001")
    saved_by = []
    for _ in range(4):
        made.train()
        made.save()
        saved_by.append(len(disk.left) - 1)
    made.stop()
    for moment in range(saved_by[1], len(disk.left)):
        left = disk.restore(moment, tmp_path / f"{moment}") / "trial-001"
        done = sum(when <= moment for when in saved_by)
        assert done - 1 <= max(map(_epoch, left.glob("checkpoint_*"))) <= 4, moment


def test_one_that_cannot_be_flushed_meanwhile_is_before_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = iter([OSError("no disk"), OSError("no disk")])
    flushed: list[str] = []

    def flush(folder: Path) -> None:
        if error := next(tries, None):
            raise error
        flushed.append(folder.name)

    monkeypatch.setattr("trainable.worker.durable.flush_tree", flush)
    monkeypatch.setattr("common.patience.PAUSE", 0.01)
    made, _ = trained(tmp_path, 2)
    assert flushed[:1] == ["checkpoint_000000"]
    made.stop()
    assert flushed == ["checkpoint_000000", "checkpoint_000001"]


def _epoch(folder: Path) -> int:
    try:
        return int(checkpoint.load(folder)["epoch"])
    except CheckpointError:
        return 0
