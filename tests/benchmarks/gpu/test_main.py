"""The command: python -m benchmarks.gpu."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu.portraits import Portraits
from benchmarks.gpu.report import Report
from common.errors import MasktuneError
from common.repository import ROOT
from data_prep.store.store import Store
from tests.benchmarks.gpu import parts
from tests.benchmarks.gpu.checking import read_json


def test_the_command_prints_lines_a_table_and_a_verdict(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--device", "cpu", "--out", "a.json", others=(parts.WRONG, parts.LONG)) == command.NOT_FIT
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "3 parts, about 3602 s, of 480 at most"
    assert lines[2].split("  ")[0] == "adds one and one"
    assert lines[4] == "  OK     sum                             2"
    assert "  FAULT  sum                             3" in lines
    assert "wrong  FAULT  sum       3" in lines
    assert lines.count("left out: long: it takes about 3600 s, and 480 s are left") <= 1
    assert "not fit for searching: 1 fault: wrong: sum; no GPU was looked at; 1 left out (long)" in lines
    assert lines[-1] == "    python -m benchmarks.gpu --table a.json"
    assert read_json(Path("a.json"))["left_out"].keys() == {"long"}


def test_the_command_is_content_where_all_is_right(main: Callable[..., int]) -> None:
    assert main("--device", "cpu", others=(parts.ITSELF,)) == 0
    assert read_json(Path("gpu-check.json"))["fit"] is True


def test_without_a_gpu_the_command_says_so_in_a_line_and_writes_nothing(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main() == 2
    said = capsys.readouterr()
    assert said.err == "error: torch 2.10 sees no GPU; --device cpu tries the check itself\n"
    assert (said.out, list(Path().iterdir())) == ("", [])


def test_the_command_that_is_interrupted_keeps_what_was_found(
    main: Callable[..., int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*given: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Report, "ended", interrupt)
    assert main("--device", "cpu") == 130
    about = read_json(Path("gpu-check.json"))
    assert (about["interrupted"], about["fit"], about["parts"][0]["name"]) == (True, False, "fine")
    assert "interrupted: 1 check OK until then" in capsys.readouterr().out


def test_parts_are_chosen_by_name_with_what_they_build_on(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = command.chosen(["wrong"], [parts.FINE, parts.ITSELF], [parts.WRONG, parts.LONG])
    assert chosen == ([parts.FINE, parts.ITSELF], [parts.WRONG])
    assert command.chosen(["fine"], [parts.FINE, parts.ITSELF], [parts.WRONG]) == ([parts.FINE], [])
    assert main("--device", "cpu", "--parts", "wong", others=(parts.WRONG,)) == 2
    assert capsys.readouterr().err == "error: --parts: no part is called wong; there are fine, wrong\n"
    assert main("--device", "cpu", "--parts", "fine", others=(parts.WRONG,)) == 0
    about = read_json(Path("gpu-check.json"))
    assert about["left_out"] == {"wrong": "not asked for"}
    assert about["verdict"].endswith("; 1 not asked for")
    assert "wrong" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "no/such/folder/a.json"], "--out no/such/folder/a.json: cannot be written: No such file"),
        (["--store", "nowhere"], "nowhere does not exist"),
        (["--table", "nowhere.json"], "--table nowhere.json: cannot be read: No such file"),
    ],
)
def test_bad_input_is_a_line_and_exit_code_2(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main("--device", "cpu", *options) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("options", [["--minutes", "0"], ["--minutes", "nan"], ["--minutes", "x"], ["--device", "tpu"]])
def test_bad_options_are_refused(main: Callable[..., int], options: list[str]) -> None:
    assert main(*options) == 2


def test_a_disk_without_room_for_the_portraits_is_named(
    main: Callable[..., int], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(command.PORTRAITS, "cpu", Portraits(10**9, 1, 1))
    assert main("--device", "cpu") == 2
    assert "set TMPDIR" in capsys.readouterr().err


def test_a_store_of_the_users_own_is_used_instead_of_portraits(
    main: Callable[..., int], small_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main("--device", "cpu", "--store", str(small_store.path)) == 0


def test_every_part_has_a_name_of_its_own_and_travels_to_its_process() -> None:
    first, others = command.order(command.PORTRAITS["cpu"])
    names = [part.name for part in (*first, *others)]
    assert len(set(names)) == len(names)
    assert all("," not in name for name in names), "names are separated by commas"
    for part in (*first, *others):
        assert pickle.loads(pickle.dumps(part)).name == part.name


FEW_PORTRAITS = """
import sys
from benchmarks.gpu import __main__ as command
from benchmarks.gpu.portraits import Portraits
command.PORTRAITS["cpu"] = Portraits(train=2, val=1, test=1, size=(64, 48))
sys.exit(command.main())
"""


def test_a_real_check_of_one_part_on_the_cpu(tmp_path: Path) -> None:
    """Torch is imported in a process, portraits are drawn, a proof is made, and everything is cleared away."""
    asked = ["--device", "cpu", "--parts", "feeds", "--minutes", "60", "--out", str(tmp_path / "a.json")]
    (tmp_path / "t").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", FEW_PORTRAITS, *asked],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path / "t")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    about = read_json(tmp_path / "a.json")
    assert [part["name"] for part in about["parts"]] == ["surroundings", "portraits", "feeds"]
    assert about["verdict"] == done.stdout.splitlines()[-5]
    assert list((tmp_path / "t").iterdir()) == []


def test_errors_of_imports_are_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "benchmarks.gpu.surroundings", None)
    monkeypatch.delattr("benchmarks.gpu.surroundings", raising=False)
    with pytest.raises(MasktuneError, match="cannot be imported"):
        command.order(None)
