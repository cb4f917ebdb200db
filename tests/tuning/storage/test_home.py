"""A search's home does the same whether it is a folder or an address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from common.errors import OptionError, SearchError
from tuning.ownership import lock
from tuning.plan.plan import Plan
from tuning.storage import home, naming


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(lock, "CLAIM", 0.1)


@pytest.fixture(params=["folder", "uri"])
def runs(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    there = tmp_path / "runs"
    return there if request.param == "folder" else there.as_uri()


def write(folder: Path) -> None:
    (folder / "search.json").write_text("{}")


def test_a_home_holds_one_search_and_a_file_of_it_is_removed_for_good(runs: str | Path, tmp_path: Path) -> None:
    mine = home.at(runs).child("mine")
    with mine.begun(write):
        (mine.folder / "trial-001").mkdir()
        (mine.folder / "trial-001/checkpoint_000001").touch()
        mine.remove(mine.folder / "trial-001", "checkpoint_*")
        assert not mine.is_waiting()
    assert (tmp_path / "runs/mine/search.json").exists()
    assert not list(tmp_path.rglob("checkpoint_*"))
    again = home.at(runs).child("mine")
    with pytest.raises(SearchError, match=r"runs/mine already holds a search; choose another --name$"):
        again.begun(write).__enter__()
    with again.resumed(), pytest.raises(SearchError, match="is being run by process"):
        home.at(runs).child("mine").resumed().__enter__()


def test_a_new_search_gets_the_next_free_name_and_one_that_is_taken_is_refused(runs: str | Path) -> None:
    assert naming.reserved_home(home.at(runs), "age_bands", None).folder.name == "age_bands"
    with home.at(runs).child("mine").begun(write):
        pass
    assert naming.new_home(home.at(runs), "mine", None).folder.name == "mine-2"
    with pytest.raises(SearchError, match=r"--resume (file://)?/.*/runs/mine$"):
        naming.new_home(home.at(runs), "age_bands", "mine")


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../mine", "/mine", "a/b", ".mine", "mine.", "mine ", " mine", "2nd try", "-mine", "--resume"),
        *("try[1]", "try*", "what?", "[bold]x", "s3://bucket", "a:b", "50%", "a#b", "{x}", "~", "$HOME", "a\\b", "a'b"),
        *("two\nlines", "bell\a", "nul\0", "a\tb", "\x1b[31mred", "not\udcffutf8", "x" * 201, "\u4e2d" * 67),
    ],
)
def test_a_name_that_something_would_read_as_more_than_one_is_refused_and_nothing_is_made(
    name: str, runs: str | Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=r"^--name: (a plain folder name|at most 200 bytes)[^\n]*$"):
        naming.new_home(home.at(runs), "age_bands", name)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["mine", "age_bands+crop_sizes", "v1.2-b", "\u00fcber", "x" * 200, "lr=0.1,wd=1"])
def test_a_plain_name_is_taken_as_it_is(name: str, tmp_path: Path) -> None:
    assert naming.new_home(home.at(tmp_path), "age_bands", name).folder == tmp_path / name


def test_a_name_at_an_address_is_of_ascii(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"but got '\u00fcber'; .* and at an address only those of ASCII$"):
        naming.new_home(home.at(tmp_path.as_uri()), "age_bands", "\u00fcber")


def test_a_space_whose_own_name_is_no_folders_needs_one(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^--name: a search of 'my\[1\]' needs one of its own: "):
        naming.new_home(home.at(tmp_path), "my[1]", None)
    assert naming.new_home(home.at(tmp_path), "my[1]", "mine").folder.name == "mine"


def test_what_is_shared_lies_beside_the_searches(runs: str | Path, tmp_path: Path) -> None:
    mine = home.at(runs).child("mine")
    assert mine.shared(".torch") is None
    (tmp_path / "weights").write_text("x")
    mine.share(tmp_path / "weights", ".torch/checkpoints/weights")
    assert (tmp_path / "runs/.torch/checkpoints/weights").read_text() == "x"
    assert mine.shared(".torch") == (f"{runs}/.torch")


def test_trials_are_told_of_an_address_alone(make_plan: Callable[..., Plan]) -> None:
    assert home.of(make_plan()).told == {}
    assert home.of(make_plan(remote="s3://bucket/runs/x")).told == {"uri": "s3://bucket/runs/x"}
