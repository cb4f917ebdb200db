import json
from pathlib import Path

import pytest

from common import search_state
from common.files import file_sha256
from common.search_record import SearchRecord, State
from tests.helpers import odd_files

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


TRIAL = {"trial": "trial-001", "status": "finished", "settings": {}, "epochs": 9, "seconds": 1.5, "val_f1_best": 0.5}


def state(search: Path, number: int, trials: object, **hashes: str) -> Path:
    """A state with hashes that fit, or others."""
    made = search / f"state/{number:06d}"
    made.mkdir(parents=True)
    (made / "trials.json").write_text(json.dumps(trials))
    hashes = {"trials.json": file_sha256(made / "trials.json"), **hashes}
    (made / "manifest.json").write_text(json.dumps(hashes))
    return made


@pytest.mark.parametrize(
    "trials",
    [
        *([], 7, None, {}, {"trials": None}, {"trials": [7]}, {"trials": [{}]}, {"trials": [TRIAL], "rungs": []}),
        *({"trials": [{**TRIAL, key: {}}]} for key in TRIAL if key != "settings"),
        {"trials": [{**TRIAL, "settings": "none"}]},
        *({"trials": [{**TRIAL, "trial": name}]} for name in ("../trial-001", "/etc", "", "a\0b")),
        {"trials": [{**TRIAL, "epochs": 10**400}]},
    ],
)
def test_a_state_of_nonsense_is_none_though_its_hashes_fit(trials: object, tmp_path: Path) -> None:
    own = state(tmp_path, 1, {"trials": [TRIAL], "rungs": {}})
    state(tmp_path, 2, trials)
    assert search_state.newest(tmp_path) == own


@pytest.mark.parametrize("name", ["huge", "../huge", "/proc/kcore"])
def test_a_state_that_names_what_no_state_holds_is_not_read_for_hours(name: str, tmp_path: Path) -> None:
    made = state(tmp_path, 1, {"trials": []}, **{name: "0" * 64})
    for place in (made, made.parent):
        odd_files.put("huge", place / "huge")
    assert search_state.newest(tmp_path) is None
