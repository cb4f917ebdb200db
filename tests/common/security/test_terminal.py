"""What is printed shows names of files and people as they are spelt, whatever they would do to a terminal."""

import ast
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from common.command_line import exit_code
from common.errors import LabelError
from common.repository import ROOT
from common.security import terminal
from data_prep import corrections
from data_prep.check import __main__ as check
from data_prep.layouts.listing import some
from tests.data_prep.photos.test_near import scene
from tests.data_prep.preparing import prepared

TITLE, CLEAR = "\x1b]0;owned\x07", "\x1b[2J"

UNSAFE = {
    TITLE: r"\x1b]0;owned\x07",
    CLEAR: r"\x1b[2J",
    "\x9b31m": r"\x9b31m",
    "a\rb": r"a\rb",
    "a\nerror: all is well": r"a\nerror: all is well",
    "a\tb\x00": r"a\tb\x00",
    "\x7f\x08": r"\x7f\x08",
    "\u202egpj.exe": r"\u202egpj.exe",
    "\u2028\u2066": r"\u2028\u2066",
    "\udcff": r"\udcff",
}


@pytest.mark.parametrize(("name", "shown"), UNSAFE.items())
def test_what_a_terminal_would_obey_is_spelt_out(name: str, shown: str) -> None:
    assert terminal.plain(name) == terminal.plain(terminal.plain(name)) == shown


@pytest.mark.parametrize("name", ["André", "李雷", "a b", "[red]", "a\\b", "👩‍🔬", "-x", "'"])
def test_other_names_stay_as_they_are(name: str) -> None:
    assert terminal.plain(name) == name


def test_what_is_said_is_spelt_out_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.say(f"a{CLEAR}\nb{TITLE}")
    assert capsys.readouterr().out == "a\\x1b[2J\nb\\x1b]0;owned\\x07\n"


def test_an_error_is_one_line_whatever_it_names(capsys: pytest.CaptureFixture[str]) -> None:
    def refuse() -> None:
        raise LabelError(f"no photo {''.join(UNSAFE)}")

    assert exit_code(refuse) == 2
    said = capsys.readouterr().err
    assert said == f"error: no photo {''.join(UNSAFE.values())}\n"


def test_a_name_that_is_too_long_is_an_error_of_a_short_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert exit_code(lambda: (tmp_path / ("x" * 5000)).stat().st_size) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path}"[:50]) and len(said) < 200 and said.count("\n") == 1
    with pytest.raises(FileNotFoundError):
        exit_code(lambda: (tmp_path / "x").stat().st_size)


@pytest.mark.parametrize("name", ["[red]", "a[/oops].jpg", "[link=file:///etc]x", "\\[bold]", *UNSAFE])
def test_a_cell_of_a_table_is_shown_letter_by_letter(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(title=terminal.cell(f"t{name}"))
    table.add_column(terminal.cell(f"h{name}"), no_wrap=True)
    table.add_row(terminal.cell(f"c{name}"))
    Console(width=200, color_system="truecolor", force_terminal=True).print(table)
    said = capsys.readouterr().out
    assert all(f"{where}{terminal.plain(name)}" in said for where in "thc")


def test_a_listing_of_names_is_one_line() -> None:
    assert some(["a\nb.jpg", CLEAR], "hidden") == r"2 hidden: a\nb.jpg, \x1b[2J"


def test_photos_of_any_name_are_prepared_checked_and_corrected_in_lines_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for i in range(3):
        for folder in ("with_mask", "without_mask"):
            (tmp_path / "in" / folder).mkdir(parents=True, exist_ok=True)
            scene(i, 48).save(tmp_path / "in" / folder / f"{i}.png")
    evil = f"{TITLE}{CLEAR}[red]a[bold]\nleft out: 0.jpg"
    (tmp_path / "in/with_mask" / evil).write_bytes(b"no photo")
    (tmp_path / "in/with_mask" / f".{evil}").write_bytes(b"hidden")
    prepared(tmp_path / "in", None, tmp_path / "out", background="keep", progress=False, max_left_out=0.5)
    check.main([str(tmp_path / "out")])
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert rf"with_mask/{terminal.plain(evil)}" in said
    assert "\nleft out: 0.jpg" not in said
    (tmp_path / "mine.csv").write_text(f'target,field,value,why\n"{CLEAR}","mouth",worn,\n')
    assert exit_code(lambda: len(corrections.read([str(tmp_path / "mine.csv")]))) == 2
    assert "\x1b" not in capsys.readouterr().err


PRINTS = [
    file for room in ("common", "data_prep", "trainable", "tuning", "ensemble") for file in (ROOT / room).rglob("*.py")
]


def test_nothing_is_printed_but_by_way_of_it() -> None:
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in (*PRINTS, ROOT / "tune_main.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Name) and node.id == "print"
    ]
    assert len(PRINTS) > 100
    assert [where.split(":")[0] for where in found] == ["common/security/terminal.py"]
