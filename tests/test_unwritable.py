"""What cannot be written is said in one line, whatever program was to write it, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import tune_main
from common.command_line import exit_code
from data_prep.check.__main__ import main as check
from data_prep.sample.__main__ import main as sample
from data_prep.store.store import Store
from data_prep.suspects.__main__ import main as suspects
from ensemble.select_and_predict import main as vote
from tests.tuning.helpers.plans import begin
from trainable.__main__ import main as trial
from tuning.plan.plan import Plan

FOLDER = Path("/proc")
"""Nobody can make a file here, root neither."""

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="there is no /proc")


@pytest.fixture
def searched(make_plan: Callable[..., Plan], small_store: Store) -> str:
    plan = make_plan()
    begin(plan, small_store.hash)
    return str(plan.folder)


def refused(capsys: pytest.CaptureFixture[str], main: Callable[[list[str]], Any], *arguments: object) -> str:
    assert exit_code(lambda: main([str(argument) for argument in arguments])) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize("out", [FOLDER / "mine", FOLDER / "a/b"])
def test_a_sample(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, sample, "--out", out, "--people", 1, "--workers", 1)
    assert line == f"error: --out {out}: it cannot be written (No such file or directory); name another place"


def test_a_sheet_of_a_sample_or_of_a_store(
    small_store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = FOLDER / "sheet.png"
    for main, rest in (
        (sample, ("--out", tmp_path / "s", "--people", 1, "--workers", 1)),
        (check, (small_store.path,)),
    ):
        assert refused(capsys, main, *rest, "--sheet", sheet).startswith(
            f"error: --sheet {sheet}: it cannot be written"
        )


@pytest.mark.parametrize("option", ["--out", "--sheet"])
def test_suspects(option: str, searched: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for file, why in ((FOLDER / "s.csv", "it cannot be written"), (tmp_path, "that is a folder; name a file")):
        assert f"{option} {file}: {why}" in refused(capsys, suspects, "--search", searched, option, file)


def test_a_vote(searched: str, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, vote, "--search", searched, "--out", FOLDER / "p.csv")
    assert line.startswith(f"error: --out {FOLDER}/p.csv: it cannot be written")


def test_one_trial(small_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, trial, "--data", small_store.path, "--arch", "resnet18", "--out", FOLDER / "t")
    assert line.startswith(f"error: --out {FOLDER}/t: it cannot be written")


def test_the_first_use_in_a_folder_that_can_only_be_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(FOLDER)
    line = refused(capsys, tune_main.main, "--space", "age_bands")
    assert line == (
        "error: --data data: it cannot be written (No such file or directory); name another place: without --data a "
        "sample is drawn there; begin in a folder of yours, or name a store with --data"
    )


def test_runs(small_store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    runs = FOLDER / "runs"
    arguments = ("--data", small_store.path, "--arch", "resnet18", "--weights", "none", "--runs", runs)
    line = refused(capsys, tune_main.main, "--space", "age_bands", *arguments)
    assert line.startswith(f"error: --runs {runs}: {FOLDER} cannot be written (")
