import json
from pathlib import Path

import pytest

from common.search_record import SearchRecord, State

KEPT = {
    "command": ["tune_main.py", "--space", "age_bands"],
    "name": "age_bands",
    "state": "budget spent",
    "space": {"name": "age_bands"},
    "settings": {},
    "budget": {"trials": 6, "hours": None, "gpu_hours": None},
    "store": {"path": "/data/store", "hash": "abc"},
    "versions": {"ray": "2.55.0"},
    "code": "def",
    "started": "2026-11-26T19:00:00+00:00",
    "spent": {"trials": 6, "epochs": 30, "hours": 0.1, "gpu_hours": 0.2, "gpu_hours_saved": 0.0},
    "ended": "2026-11-26T19:06:00+00:00",
    "failed": [],
    "failing": None,
}
"""search.json as version 0.4.0 writes it, shortened."""


def kept(folder: Path, about: object) -> Path:
    (folder / "search.json").write_text(json.dumps(about))
    return folder


def test_a_record_that_is_read_and_written_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    record = SearchRecord.read(kept(tmp_path, KEPT))
    record.write(tmp_path)
    assert list(json.loads((tmp_path / "search.json").read_text()).items()) == list(KEPT.items())
    assert (record.state, record.store["hash"], record.plan["budget"]["trials"]) == (State.SPENT, "abc", 6)


def test_keys_of_a_newer_version_stay_when_the_file_is_written_anew(tmp_path: Path) -> None:
    record = SearchRecord.read(kept(tmp_path, {**KEPT, "weather": "fine"}))
    record.changed({"state": State.FINISHED, "budget": {"trials": 9}}).write(tmp_path)
    written = json.loads((tmp_path / "search.json").read_text())
    assert written == {**KEPT, "state": "finished", "budget": {"trials": 9}, "weather": "fine"}


def test_a_file_of_an_older_version_that_lacks_keys_is_read_and_gains_none(tmp_path: Path) -> None:
    old = {"started": "2026", "store": {"path": "x", "hash": "y"}}
    record = SearchRecord.read(kept(tmp_path, old))
    assert (record.state, record.failed, record.plan) == (None, None, {})
    record.write(tmp_path)
    assert json.loads((tmp_path / "search.json").read_text()) == old


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "it is no JSON$"), ("[]", "it is no JSON object"), ('{"state": "asleep"}', "'asleep' is not a valid State")],
)
def test_what_no_search_says_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        SearchRecord.of(text)
