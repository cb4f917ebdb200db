"""The files that predictions come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import OptionError
from data_prep.task import REFERENCE, Task
from ensemble.predictions.predictor import Meaning
from ensemble.predictions.tables import Outputs, Rows, write

FACES = Meaning(REFERENCE, (30, 60))
CHIPS = Meaning(Task(("gender", "age")), (25, 40))


def rows(names: list[str], classes: list[int], of: int) -> Rows:
    probabilities = np.full((len(names), of), 0.25 / (of - 1), np.float32)
    probabilities[np.arange(len(names)), classes] = 0.75
    return Rows(names, np.array(classes), probabilities)


def test_predictions_name_each_factor_and_a_submission_has_what_a_grader_asks_for(tmp_path: Path) -> None:
    outputs = Outputs.of(tmp_path / "predictions.csv", FACES, tmp_path / "p.parquet")
    assert write(outputs, FACES, [rows(["b.jpg", "a.jpg"], [4, 17], 18), rows(["=c"], [6], 18)]) == 3
    assert (tmp_path / "predictions.csv").read_text().splitlines() == [
        "ImageID,mask,gender,age,probability",
        "b.jpg,worn,female,30-59,0.75",
        "a.jpg,none,female,>=60,0.75",
        "'=c,incorrect,male,<30,0.75",
    ]
    assert (tmp_path / "submission.csv").read_text() == "ImageID,ans\nb.jpg,4\na.jpg,17\n=c,6\n"
    table = pd.read_parquet(tmp_path / "p.parquet")
    assert list(table.columns) == ["ImageID", *FACES.class_names]
    assert list(table["ImageID"]) == ["b.jpg", "a.jpg", "=c"]
    assert table["worn female 30-59"][0] == 0.75


def test_another_task_has_no_submission_and_its_own_bands(tmp_path: Path) -> None:
    outputs = Outputs.of(tmp_path / "predictions.csv", CHIPS)
    write(outputs, CHIPS, [rows(["a.jpg"], [5], 6)])
    assert [file.name for file in tmp_path.iterdir()] == ["predictions.csv"]
    assert outputs.predictions.read_text() == "ImageID,gender,age,probability\na.jpg,female,>=40,0.75\n"


@pytest.mark.parametrize(
    ("predictions", "submission"),
    [
        ("predictions.csv", "submission.csv"),
        ("predictions-faces-12ab34.csv", "submission-faces-12ab34.csv"),
        ("mine.csv", "submission-mine.csv"),
    ],
)
def test_a_submission_is_named_as_its_predictions_are(predictions: str, submission: str) -> None:
    assert Outputs.of(Path("there", predictions), FACES).submission == Path("there", submission)


def test_files_that_cannot_be_written_are_told_before_anything_is_predicted(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "p.csv", tmp_path / "p.parquet"
    for outputs, why in (
        (Outputs(csv, None, tmp_path / "p.csv2"), "--probabilities .*: its name must end with .parquet"),
        (Outputs(csv, None, tmp_path / "gone/p.parquet"), "--probabilities .* does not exist; make it first"),
        (Outputs(parquet, None, parquet), "--probabilities .*: --out is that file too"),
        (Outputs(tmp_path), "--out .*: that is a folder"),
    ):
        with pytest.raises(OptionError, match=why):
            outputs.check()


@pytest.mark.parametrize("name", ["search.json", "leaderboard.csv", "study.db", "ensemble.json"])
def test_a_searchs_own_files_are_not_written_over(tmp_path: Path, name: str) -> None:
    with pytest.raises(OptionError, match="that is the search's own file; name another one"):
        Outputs.of(tmp_path / name, CHIPS).check_spares(tmp_path, None)
    Outputs.of(tmp_path / "predictions.csv", FACES).check_spares(tmp_path, None)


def test_rows_that_fail_half_way_leave_the_files_as_they_were(tmp_path: Path) -> None:
    outputs = Outputs.of(tmp_path / "predictions.csv", FACES, tmp_path / "p.parquet")
    write(outputs, FACES, [rows(["a.jpg"], [1], 18)])
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}

    def cut_short():  # type: ignore[no-untyped-def]
        yield rows(["b.jpg"], [2], 18)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(outputs, FACES, cut_short())
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize(("text", "number"), [("17", 17), ("none female >=60", 17), (" Worn  MALE <30 ", 0)])
def test_a_class_is_named_by_its_number_or_its_name(text: str, number: int) -> None:
    assert FACES.class_of("--fallback", text) == number


@pytest.mark.parametrize("text", ["18", "-1", "", "1.0", "worn", "none female >=40", "²"])
def test_a_class_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="--fallback: a class from 0 to 17, or its name, such as 'worn male <30', is"):
        FACES.class_of("--fallback", text)


@pytest.mark.parametrize("place", [".", "..", "/"])
def test_a_folder_is_no_file_of_predictions(place: str) -> None:
    with pytest.raises(OptionError, match="that is a folder; name a file"):
        Outputs.of(Path(place), FACES).check()
