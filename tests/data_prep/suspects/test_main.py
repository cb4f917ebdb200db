"""The command: python -m data_prep.suspects."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.command_line import exit_code
from data_prep import corrections
from data_prep.store.store import Store
from data_prep.suspects.__main__ import main
from data_prep.suspects.ranking import COLUMNS
from tests.data_prep.suspects.trials import FOLDS, describe, rows_of, search
from tests.helpers.relabelled import relabelled


def test_the_list_is_a_corrections_file_with_nothing_decided(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store, {("gender", row): 1 for row in rows_of(small_store, "000002")})
    assert run("--search", folder)[0] == 0
    table = pd.read_csv(folder / "suspects.csv", dtype={"target": str, "person": str})
    assert list(table.columns) == list(COLUMNS)
    assert table["value"].isna().all() and table["target"][0] == "000002"
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    first, *_ = corrections.read([str(folder / "suspects.csv")])
    assert (first.target, first.field, first.value, first.why) == ("000002", "gender", "", table["why"][0])
    assert not list(folder.glob(".*"))


def test_a_person_who_is_called_a_formula_is_a_text_in_the_list_and_found_again(
    tmp_path: Path, small_store: Store, run
) -> None:
    formula = "=cmd|'-C calc'!A0"
    store = relabelled(small_store, tmp_path / "store", small_store.index.replace({"person": {"000002": formula}}))
    folder = search(tmp_path, store, {("gender", row): 1 for row in rows_of(store, formula)})
    assert run("--search", folder)[0] == 0
    written = (folder / "suspects.csv").read_text()
    assert f"'{formula}" in written and not re.search(r'(^|,)"?=', written, re.MULTILINE)
    first, *_ = corrections.read([str(folder / "suspects.csv")])
    assert first.target == formula


def test_the_summary_says_who_judged_whom_and_what_to_type_next(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store, {("gender", row): 1 for row in rows_of(small_store, "000002")})
    code, out, _ = run("--search", folder, "--out", tmp_path / "list.csv")
    assert code == 0
    assert "336 photos of 48 people, judged by 4 networks on 4 folds" in out
    assert re.search(r"^gender +1 +1$", out, re.MULTILINE)
    assert re.search(r"^1 +000002 +gender +male +out-of-fold: female 0\.\d\d over 7 photos$", out, re.MULTILINE)
    assert f"--corrections {tmp_path / 'list.csv'}" in out


def test_without_folds_it_says_that_only_val_is_judged_and_how_to_judge_everybody(
    tmp_path: Path, small_store: Store, run
) -> None:
    folder = search(tmp_path, small_store, folds=0)
    code, out, _ = run("--search", folder)
    assert code == 0
    assert "84 photos of 12 people, judged by 1 network on the search's own val" in out
    assert "Only val people are judged" in out
    assert f"python tune_main.py --resume {folder} --confirm 1 --folds 5" in out
    assert "No label is contradicted." in out and "--corrections" not in out


def test_folds_that_are_missing_or_still_training_are_said(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store)
    describe(folder / "confirm", small_store, settings={"train/folds": FOLDS}, state="running")
    (folder / "confirm" / "trial-002" / "val_predictions.npz").unlink()
    _, out, _ = run("--search", folder)
    assert "still training" in out and "12 people are not judged: not every fold has a network yet" in out


def test_what_somebody_filled_in_is_never_overwritten(tmp_path: Path, small_store: Store, run) -> None:
    folder = search(tmp_path, small_store, {("gender", row): 1 for row in rows_of(small_store, "000002")})
    assert run("--search", folder)[0] == run("--search", folder)[0] == 0
    file = folder / "suspects.csv"
    table = pd.read_csv(file, dtype=str, keep_default_na=False)
    table.assign(value="female").to_csv(file, index=False)
    before = file.read_text()
    code, _, err = run("--search", folder)
    assert (code, err.count("\n")) == (2, 1) and "1 value was filled in there" in err
    assert file.read_text() == before
    table.assign(value="female").to_csv(file, index=False, sep=";", encoding="utf-8-sig")  # as Excel saves it
    before = file.read_text()
    assert "1 value was filled in there" in run("--search", folder)[2]
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "search.json").unlink(), r"no search is there \(no search.json\)"),
        (lambda folder: (folder / "search.json").write_text("{"), "cannot be read"),
        (lambda folder: (folder / "search.json").write_text("[]"), "is no JSON object"),
        (lambda folder: (folder / "search.json").write_text("{}"), "names no store"),
        (lambda folder: _edit(folder, path="/nowhere/store"), "/nowhere/store does not exist"),
        (lambda folder: _edit(folder, hash="other"), "is not the store that the search began with"),
        (lambda folder: _predictions(folder).unlink(), "no trial that finished an epoch"),
        (lambda folder: _predictions(folder).write_bytes(b""), "is damaged"),
        (lambda folder: _predictions(folder).write_bytes(b"PK\x03\x04 cut short"), "is damaged"),
        (lambda folder: _change(folder, probabilities=np.full((84, 18), np.nan, np.float32)), "not all .* are numbers"),
        (lambda folder: _change(folder, probabilities=np.zeros((84, 3), np.float32)), r"probabilities \[84, 18\]"),
        (lambda folder: _change(folder, store_hash="other"), "made on another store"),
        (lambda folder: (folder / "suspects.html").mkdir(), "that is a folder"),
        (lambda folder: (folder / "suspects.csv").write_text("path,gender\na,male\n"), "no list of suspects"),
    ],
)
def test_an_error_is_one_line_and_exit_code_2(tmp_path: Path, small_store: Store, run, break_it, message: str) -> None:
    folder = search(tmp_path, small_store, folds=0)
    break_it(folder)
    code, _, err = run("--search", folder)
    assert code == 2
    assert err.startswith("error: ") and err.count("\n") == 1
    assert re.search(message, err)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, small_store: Store, run) -> None:
    assert "no search is there" in run("--search", tmp_path / "nothing")[2]
    folder = search(tmp_path, small_store, folds=0)
    assert "does not exist; make it first" in run("--search", folder, "--out", tmp_path / "no" / "s.csv")[2]


@pytest.mark.parametrize("top", ["0", "-1", "many"])
def test_top_is_at_least_one(top: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(lambda: main(["--search", "s", "--top", top])) == 2
    assert f"--top: a whole number of at least 1 is needed, but got '{top}'" in capsys.readouterr().err


def _predictions(folder: Path) -> Path:
    return folder / "trial-001" / "val_predictions.npz"


def _change(folder: Path, **changes: object) -> None:
    with np.load(_predictions(folder)) as saved:
        fields = dict(saved)
    np.savez(_predictions(folder), **{**fields, **changes})


def _edit(folder: Path, **changes: str) -> None:
    about = json.loads((folder / "search.json").read_text())
    (folder / "search.json").write_text(json.dumps({**about, "store": {**about["store"], **changes}}))
