"""The command as a person types it, on searches whose networks nobody trained."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from common.command_line import exit_code
from data_prep.store.store import Store
from ensemble.select_and_predict import main
from tests.conftest import drawn_store
from tests.ensemble.searches import searched, sure_of
from tests.helpers.small_networks import small_networks
from tests.tuning.helpers.plans import change
from trainable.predict import Probabilities


def say(store: Store, rights: Sequence[int]) -> list[Probabilities]:
    """Trials that are wrong for one photo in ten, each of its own."""
    truth = store.classes()[store.labelled("val")]
    wrong = np.arange(len(truth)) % 10
    return [sure_of(np.where(wrong == right, (truth + 1) % 18, truth), 18) for right in rights]


@pytest.fixture(scope="module")
def trained(small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return searched(tmp_path_factory.mktemp("runs"), small_store, say(small_store, (1, 2, 3)))


@pytest.fixture
def search(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Path:
    small_networks(monkeypatch)
    return Path(shutil.copytree(trained, tmp_path / "runs" / "age_bands"))


def kept(search: Path) -> dict[str, object]:
    return dict(json.loads((search / "ensemble.json").read_text()))


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    capsys.readouterr()
    assert exit_code(lambda: main([str(argument) for argument in arguments])) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    return line


def test_without_test_val_is_told_and_eval_photos_are_predicted_and_each_opening_of_test_is_counted(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--search", str(search), "--tta", "1"]) == 0
    said = capsys.readouterr().out
    assert "of 3 candidates vote" in said and "vote of 2" in said
    assert "Test was opened" not in said and "test people" not in said
    assert (search / "predictions.csv").exists()
    assert (kept(search)["test_opened"], kept(search)["test"]) == (0, None)
    for times, told in ((1, "Test was opened once."), (2, "Test was opened 2 times")):
        assert main(["--search", str(search), "--test"]) == 0
        said = capsys.readouterr().out
        assert told in said and "95% interval over 12 test people" in said and "as chosen on" in said
        assert kept(search)["test_opened"] == times
        assert set(kept(search)["test"]) >= {"photos", "best_single", "ensemble", "gain", "by_factor"}  # type: ignore[call-overload]
    assert main(["--search", str(search), "--choose", "--members", "trial-002", "--tta", "1"]) == 0
    said = capsys.readouterr().out
    assert "chosen anew, since --choose asks for it" in said and "1 of 3 candidates votes: trial-002" in said
    assert (kept(search)["test_opened"], kept(search)["test"]) == (2, None)


def test_a_choice_is_used_again_for_new_photos_without_a_pass_over_val_or_a_hash_of_the_store(
    search: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Path(shutil.copytree(json.loads((search / "search.json").read_text())["store"]["path"], tmp_path / "store"))
    common = ["--search", str(search), "--data", str(store)]
    assert main([*common, "--members", "trial-001,trial-003", "--tta", "2"]) == 0
    (tmp_path / "new").mkdir()
    Image.new("RGB", (384, 512)).save(tmp_path / "new" / "a.png")
    for shard in store.glob("images-*.npy"):  # nobody reads what nobody needs
        content = shard.read_bytes()
        shard.write_bytes(content[:-1000] + bytes(1000))
    capsys.readouterr()
    assert main([*common, "--photos", str(tmp_path / "new"), "--out", "new.csv"]) == 0
    assert "as chosen on" in capsys.readouterr().out and Path("new.csv").exists()
    assert "its SHA-256 is not the one" in refused(capsys, *common)


def test_a_choice_whose_weights_have_changed_is_made_anew_and_that_is_said(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ["--search", str(search), "--members", "trial-001,trial-002", "--tta", "1"]
    assert main(both) == 0
    capsys.readouterr()
    assert main(both) == 0
    assert "as chosen on" in capsys.readouterr().out
    for file in ("best.safetensors", "val_predictions.npz"):
        shutil.copy(search / "trial-003" / file, search / "trial-002" / file)
    assert main(["--search", str(search), "--tta", "1"]) == 0
    assert f"chosen anew, since {search}/trial-002/best.safetensors holds other weights" in capsys.readouterr().out


def test_a_running_search_votes_but_keeps_test_closed_and_is_chosen_from_anew_when_it_has_ended(
    search: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(search, state="running")
    line = refused(capsys, "--search", search, "--test")
    assert f"--test: {search} is still running, or was killed" in line and f"--resume {search}" in line
    assert not (search / "ensemble.json").exists()
    assert main(["--search", str(search), "--tta", "1"]) == 0
    change(search, state="finished")
    assert main(["--search", str(search), "--tta", "1"]) == 0
    assert "the search was still running when the last choice was made" in capsys.readouterr().out


def test_members_come_from_several_searches_on_one_store(
    search: Path, small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Path(shutil.copytree(search, search.parent / "more"))
    two = ["--search", str(search), "--search", str(other)]
    assert main([*two, "--members", "age_bands/trial-001,more/trial-002", "--tta", "1"]) == 0
    assert "2 of 6 candidates vote: age_bands/trial-001 (50%), more/trial-002 (50%)" in capsys.readouterr().out
    assert kept(search)["other_searches"] == [str(other)] and not (other / "ensemble.json").exists()
    assert main(two) == 0
    assert "as chosen on" in capsys.readouterr().out
    assert main(["--search", str(search), "--tta", "1"]) == 0
    assert "chosen anew, since the last choice was from" in capsys.readouterr().out
    assert "it is named twice" in refused(capsys, "--search", search, "--search", search)


def test_searches_of_different_stores_are_refused(
    search: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = drawn_store(tmp_path / "another", people=10)
    other = searched(tmp_path / "others", store, say(store, (1,)))
    line = refused(capsys, "--search", search, "--search", other)
    assert f"--search {other}: it was run on another store ({store.hash[:12]}...) than {search}" in line


def test_what_cannot_be_is_refused_in_one_line_before_anything_is_predicted(
    search: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for arguments, why in (
        (["--test", "--photos", tmp_path / "a.png"], "--test: it scores the store's own test people"),
        (["--members", "trial-009"], "--members trial-009: no such candidate; name some of trial-00"),
        (["--members", "0"], "--members"),
        (["--tta", "99"], "--tta: 1 to 16 views can be had, but got 99"),
        (["--search", tmp_path / "nowhere"], "no search is there"),
    ):
        assert why in refused(capsys, "--search", search, *arguments)
    (search / "ensemble.json").write_text("{")
    assert "ensemble.json cannot be read" in refused(capsys, "--search", search)
    assert not (search / "predictions.csv").exists()


def test_old_files_count_as_one_opening(search: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = {"store_hash": "x", "members": [{"trial": "trial-001"}], "views": [{"angle": 0}], "test": {"photos": 84}}
    (search / "ensemble.json").write_text(json.dumps(about))
    assert main(["--search", str(search), "--tta", "1", "--test"]) == 0
    assert "Test was opened 2 times" in capsys.readouterr().out
