"""Bad options of any program: one line, with the option that was probably meant."""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from common.command_line import Parser, exit_code, positive, python, seed


@pytest.mark.parametrize("line", ["short", "word " * 40])
def test_a_description_of_one_line_is_wrapped(line: str) -> None:
    text = Parser(prog="program", description=line).format_help()
    assert " ".join(line.split()) in " ".join(text.split()) and max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("text", ["First.\n\n    a  table\n", "two\n  lines", "\nFirst.\n    indented"])
def test_a_description_of_several_lines_stays_as_it_is_written(text: str) -> None:
    assert text.strip() in Parser(prog="program", description=text).format_help()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    parser = Parser(prog="program")
    parser.add_argument("--space", required=True)
    parser.add_argument("--epochs", type=positive)
    parser.add_argument("--set", nargs="+")
    parser.add_argument("--colour", choices=("red", "blue"))

    def program() -> None:
        parser.parse_args(arguments)

    assert exit_code(program) == 2
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--spce", "x"], "--spce: no such option; did you mean --space?"),
        (["--nope"], "--nope: no such option; --help lists them"),
        (["--spce=x"], "--spce: no such option; did you mean --space?"),
        (["--zzz"], "--zzz: no such option; --help lists them"),
        (["--space", "x", "--set", "a=1", "--epoch-s", "3"], "--epoch-s: no such option; did you mean --epochs?"),
        (["--space", "x", "--epochs", "0"], "--epochs: a whole number of at least 1 is needed, but got '0'"),
        (["--space", "x", "--epochs"], "--epochs: expected one argument"),
        (["--epochs", "3"], "the following arguments are required: --space"),
        (["--space", "x", "more"], "unrecognized arguments: more"),
        (["--space", ""], "--space: a value is needed, but got ''; is a variable of the shell not set?"),
        (["--space="], "--space: a value is needed, but got ''; is a variable of the shell not set?"),
        (["--set", "a=", ""], "--set: a value is needed, but got ''; is a variable of the shell not set?"),
        (["--space", "a\0b"], "--space: a NUL is in its value, which no name and no number has"),
        ([""], "an argument: a value is needed, but got ''; is a variable of the shell not set?"),
    ],
)
def test_an_option_that_is_wrong_is_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, *arguments) == f"error: {message}\n"


def test_a_choice_that_there_is_not_names_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "--space", "x", "--colour", "green")
    assert line.startswith("error: --colour: invalid choice: 'green' (choose from ") and line.count("\n") == 1


def test_options_may_still_be_shortened_and_values_may_be_anything() -> None:
    parser = Parser()
    parser.add_argument("--space")
    assert parser.parse_args(["--sp", "a--b"]).space == "a--b"
    assert parser.parse_args(["--space=--spce"]).space == "--spce"


def test_what_follows_two_dashes_is_no_option() -> None:
    parser = Parser()
    parser.add_argument("file")
    assert parser.parse_args(["--", "--spce"]).file == "--spce"


def test_the_python_that_is_printed_is_the_one_that_runs_however_it_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, mine = tmp_path / "other/python", tmp_path / "my env/bin/python3"
    for file in (other, mine, mine.with_name("python")):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(mine))
    monkeypatch.chdir(tmp_path)
    for path, typed in (
        (f"{mine.parent}:{other.parent}", "python"),
        (f"{other.parent}:{mine.parent}", "'my env/bin/python3'"),
        ("/nowhere", "'my env/bin/python3'"),
    ):
        monkeypatch.setenv("PATH", path)
        assert python() == typed
    deep = tmp_path.joinpath(*"a" * len(str(tmp_path)))
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert python() == f"'{mine}'"


def test_the_python_is_known_where_the_folder_that_one_is_in_was_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "executable", "/somewhere/bin/python")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert python() == "/somewhere/bin/python"


@pytest.mark.parametrize("text", ["-1", "4294967296", "1e3", "nan", "x", "9" * 40])
def test_a_seed_is_one_that_numpy_takes(text: str) -> None:
    assert seed("4294967295") == 2**32 - 1
    with pytest.raises(ArgumentTypeError, match="a whole number from 0 to 4294967295 is needed, but got"):
        seed(text)
