"""search.json, leaderboard.csv, study.db and result.json only show a search, which is the same without them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from common import search_state
from common.search_record import SearchRecord
from data_prep.store.store import Store
from tests.tuning.helpers.plans import begin
from tuning import resume
from tuning.plan.plan import Plan
from tuning.records import leaderboard, search_json
from tuning.records.rows import Row, to_json
from tuning.storage import states
from tuning.storage.states import States

ROWS = [
    Row("trial-001", "finished", 0.5, 9, 0.4, 9, 12.5, {"labels/young_below": 30, "labels/old_from": 58}),
    Row("trial-002", "running", 0.6, 2, 0.6, 2, 3.0, {"labels/young_below": 29, "labels/old_from": 59}),
]


@pytest.fixture
def folder(make_plan: Callable[..., Plan], small_store: Store) -> Path:
    """A search of two trials, as a killed driver left it."""
    plan = make_plan()
    begin(plan, small_store.hash)
    as_killed(plan.folder)
    return plan.folder


def as_killed(folder: Path) -> None:
    """Two trials and a state of them, in the folder of a search that has begun."""
    for row in ROWS:
        (folder / row.trial).mkdir()
        (folder / row.trial / "result.json").write_text("{}\n")
    rays = [folder / pattern.replace("*", "1") for pattern in states.RAYS]
    for file in rays:
        file.write_text(file.name)
    trials = [{"id": row.trial, "checkpoint": None, **to_json(row)} for row in ROWS]
    States(folder).keep(rays, search_json.read(folder), {"trials": trials, "rungs": {}})
    leaderboard.write(folder, ROWS)
    (folder / "study.db").write_bytes(b"SQLite format 3")


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def torn(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5])


def of_another_kind(file: Path) -> None:
    file.write_bytes(b"\x00\xff" * 5000)


def removed(file: Path) -> None:
    file.unlink()


def a_folder_in_its_place(file: Path) -> None:
    file.unlink()
    file.mkdir()


DAMAGES = [emptied, torn, of_another_kind, removed, a_folder_in_its_place]
VIEWS = ["search.json", "leaderboard.csv", "study.db", "trial-001/result.json"]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda how: how.__name__)
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_that_is_damaged_changes_nothing(view: str, damage: Callable[[Path], None], folder: Path) -> None:
    before = what_it_is(folder)
    damage(folder / view)
    assert what_it_is(folder) == before


def test_a_view_that_is_edited_is_not_believed(folder: Path) -> None:
    before = what_it_is(folder)
    record = search_json.read(folder).changed({"store": {"path": "/elsewhere", "hash": "x"}, "epochs": 1, "seed": 2})
    record.write(folder)
    leaderboard.write(folder, [Row("trial-009", "finished", 0.99, 1, 0.99, 1, 1.0, {"labels/young_below": 1})])
    assert what_it_is(folder) == before


def test_what_people_put_into_a_search_is_no_part_of_it(folder: Path) -> None:
    before = what_it_is(folder)
    shutil.copytree(folder / "trial-001", folder / "trial-001-backup")
    shutil.copytree(folder / "trial-001", folder / "trial-003")
    shutil.copytree(folder / "state/000001", folder / "state/000001 (copy)")
    (folder / "state/2026").mkdir()
    (folder / "notes.txt").write_text("the best so far: trial-002")
    (folder / "confirm-old").mkdir()
    assert what_it_is(folder) == before


def test_of_a_search_of_a_version_before_the_views_are_all_there_is(folder: Path) -> None:
    record, rows = search_json.read(folder), leaderboard.read(folder)
    shutil.rmtree(folder / "state")
    assert search_json.read(folder) == record
    assert [(row.trial, row.val_f1_best, row.settings) for row in leaderboard.read(folder)] == [
        (row.trial, row.val_f1_best, row.settings) for row in rows
    ]
    assert [each.name for each in search_state.trial_folders(folder)] == ["trial-001", "trial-002"]
    assert resume.resumable(folder).plan.epochs == 9


def test_a_trial_whose_folder_was_taken_away_is_named_where_curves_are_replayed(folder: Path) -> None:
    assert search_state.trials_without_folder(folder) == []
    shutil.rmtree(folder / "trial-001")
    (folder / "trial-009").mkdir()
    assert search_state.trials_without_folder(folder) == ["trial-001"]


@pytest.mark.parametrize("decimal", [".", ","])
def test_a_leaderboard_that_a_spreadsheet_saved_again_is_read(decimal: str, tmp_path: Path) -> None:
    leaderboard.write(tmp_path, ROWS)
    saved = (tmp_path / "leaderboard.csv").read_text().replace(",", ";").replace(".", decimal).replace("\n", "\r\n")
    (tmp_path / "leaderboard.csv").write_bytes(b"\xef\xbb\xbf" + saved.encode())
    (best, _) = leaderboard.read(tmp_path)
    assert (best.trial, best.val_f1_best, best.seconds, best.settings) == ("trial-002", 0.6, 3, ROWS[1].settings)


def what_it_is(folder: Path) -> tuple[SearchRecord, list[Row], list[Path], Plan]:
    """What a resume, a confirmation and a vote go by."""
    found = resume.resumable(folder)
    return (
        search_json.read(folder),
        leaderboard.read(folder),
        search_state.trial_folders(folder),
        Plan(**{**vars(found.plan), "space": None, "profile": None}),  # type: ignore[arg-type]
    )
