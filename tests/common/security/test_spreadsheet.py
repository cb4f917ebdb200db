"""Texts of photos' and people's names in CSVs that people open: no formula, and read back the same."""

import itertools
from pathlib import Path

import pandas as pd
import pytest

from common.security import spreadsheet
from data_prep import corrections
from data_prep.layouts.listing import Listing, Photo
from tuning.records import leaderboard
from tuning.records.rows import Row

FORMULAS = [
    "=cmd|'-C calc'!A0",
    '=HYPERLINK("http://example.org","x")',
    "@SUM(1)",
    "+1+1",
    "-2+3",
    "\t=1",
    "\r=1",
    " =1",
    '"=1',
    "a;=1",
    "a\n=1",
    "a\t@x",
    "\uff1d1",
    "=",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_taken_for_text_and_read_back_the_same(text: str) -> None:
    written = spreadsheet.as_text(text)
    for cell in (written, *written.replace("\t", ";").replace("\n", ";").split(";")):
        assert cell.lstrip(' \r\t"')[:1] not in tuple("=+-@\uff1d")
    assert spreadsheet.as_was(written) == text
    assert spreadsheet.as_was(spreadsheet.as_text(written)) == written


@pytest.mark.parametrize(
    "text", ["", "'", "''", "a", "000020", "a=b", "a-b.jpg", "O'Neill", "'a", "a,b", "<30", "50-59", "a;b"]
)
def test_other_texts_stay_as_they_are(text: str) -> None:
    assert spreadsheet.as_text(text) == spreadsheet.as_was(text) == text


def test_every_text_of_a_few_signs_comes_back() -> None:
    texts = {"".join(signs) for n in range(6) for signs in itertools.product("='; a", repeat=n)}
    written = {spreadsheet.as_text(text) for text in texts}
    assert len(written) == len(texts)
    assert {spreadsheet.as_was(text) for text in written} == texts


def test_numbers_stay_numbers() -> None:
    table = pd.DataFrame({"n": [-1, 2], "f": [-0.5, None], "t": ["=x", None], "b": [True, False]})
    safe = spreadsheet.safe(table)
    assert safe["n"].tolist() == [-1, 2] and safe["f"][0] == -0.5 and safe["b"].tolist() == [True, False]
    assert safe["t"][0] == "'=x" and pd.isna(safe["t"][1])
    assert safe.dtypes[["n", "f"]].tolist() == table.dtypes[["n", "f"]].tolist()
    assert spreadsheet.restored(safe)["t"][0] == "=x"


@pytest.mark.parametrize("person", [*FORMULAS[:5], "-1", "a;=1"])
def test_a_correction_of_a_person_who_is_called_a_formula_finds_them(person: str, tmp_path: Path) -> None:
    row = {"target": person, "field": "gender", "value": "male", "why": "=1"}
    spreadsheet.safe(pd.DataFrame([row])).to_csv(tmp_path / "suspects.csv", index=False)
    assert f"\n{person}" not in (tmp_path / "suspects.csv").read_text()
    found = corrections.read([str(tmp_path / "suspects.csv")])
    assert [(each.target, each.why) for each in found] == [(person, "=1")]
    photos = [Photo(Path("a"), f"{person}/a.jpg", person, gender="female"), Photo(Path("b"), "b/b.jpg", "b")]
    assert [photo.gender for photo in corrections.apply(Listing(photos), found).listing.photos] == ["male", None]


def test_a_leaderboard_keeps_what_a_space_calls_its_choices(tmp_path: Path) -> None:
    settings = {"model/weights": "=1+1", "model/arch": "-x", "loss/smoothing": -0.5}
    leaderboard.write(tmp_path, [Row("trial-001", "finished", 0.5, 3, None, 3, 9.0, settings)])
    text = (tmp_path / "leaderboard.csv").read_text()
    assert ",'=1+1,'-x,-0.5" in text
    assert leaderboard.read(tmp_path)[0].settings == settings


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("finished", ""),
        ("0.5,,,3,3", "abc,,,3,3"),
        ("0.5,,,3,3", "0.5,wide,,3,3"),
        ("9.0", "soon"),
        ("model/arch", "arch"),
        ("rank,trial", "a,b"),
    ],
)
def test_a_leaderboard_of_nonsense_is_refused_in_a_line(old: str, new: str, tmp_path: Path) -> None:
    from common.errors import SearchError

    leaderboard.write(tmp_path, [Row("trial-001", "finished", 0.5, 3, None, 3, 9.0, {"model/arch": "x"})])
    file = tmp_path / "leaderboard.csv"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(SearchError, match=r"leaderboard\.csv cannot be read .*go on with the search") as refusal:
        leaderboard.read(tmp_path)
    assert "\n" not in str(refusal.value)
