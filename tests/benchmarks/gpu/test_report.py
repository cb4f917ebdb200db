from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import report
from benchmarks.gpu.part import Finding, Part
from benchmarks.gpu.record import Record
from common.errors import OptionError
from common.repository import ROOT
from tests.benchmarks.gpu import parts
from tests.benchmarks.gpu.checking import Checked, Told, read_json


def about(**more: Any) -> dict[str, Any]:
    record = Record(8, "cuda", date="2026-11-26T12:00:00+00:00", seconds=412.3)
    outcome = record.begin(Part("surroundings", "looks", 8, parts.FINE.run), 8)
    values = {"gpu": "NVIDIA H100", "capability": "sm_90", "cores": 16, "torch": "2.10.0", "packages": {"ray": None}}
    outcome.findings += [
        Finding("card", "NVIDIA H100", values=values),
        Finding("kernels", "bfloat16 | all", right=True),
    ]
    record.left_out = {"search": "it takes about 80 s, and 3 s are left"}
    return {**json.loads(json.dumps(record.to_json())), **more}


def test_a_json_is_printed_as_a_markdown_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a.json", "b.json"):
        Path(name).write_text(json.dumps(about()))
    assert command.main(["--table", "a.json", "b.json"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("## gpu: NVIDIA H100\n") == 2
    assert printed.splitlines()[:10] == [
        "## gpu: NVIDIA H100",
        "",
        "NVIDIA H100, sm_90, 16 cores, torch 2.10.0; 2026-11-26, 412 s of 8 minutes.",
        "",
        "| part | seconds | what |  | found |",
        "| --- | ---: | --- | --- | --- |",
        "| surroundings | 0 | card |  | NVIDIA H100 |",
        "|  |  | kernels | OK | bfloat16 \\| all |",
        "| search |  | left out |  | it takes about 80 s, and 3 s are left |",
        "",
    ]
    assert "not installed, and needed: ray; 1 left out (search).\n" in printed


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": 1}', "\0", json.dumps(about(parts=[{"name": "x"}]))])
def test_a_file_that_is_no_record_is_refused(text: str) -> None:
    Path("a.json").write_text(text)
    with pytest.raises(OptionError, match=r"--table a.json: not a JSON that"):
        report.read(Path("a.json"))


def test_a_part_that_was_cut_off_is_in_the_table_once() -> None:
    found = report.markdown(about(left_out={"surroundings": "cut off when the minutes were spent"}))
    assert found.count("| surroundings |") == 1


def test_help_and_tables_do_without_torch() -> None:
    Path("a.json").write_text(json.dumps(about()))
    script = (
        "import sys; from benchmarks.gpu.__main__ import main, parser; parser().format_help(); "
        "main(['--table', sys.argv[1]]); sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(Path("a.json").absolute())], cwd=ROOT, check=False)
    assert done.returncode == 0


def test_the_json_is_written_after_every_part(checked: Checked, told: Told, tmp_path: Path) -> None:
    seen: list[list[str]] = []
    told.then = lambda: seen.append([part["name"] for part in read_json(tmp_path / "found.json").get("parts", [])])
    checked(parts.FINE, parts.WRONG)
    assert seen == [[], [], ["fine"]]
    about = read_json(tmp_path / "found.json")
    assert about["parts"][0]["findings"][1] == {
        "name": "sum",
        "said": "2",
        "right": True,
        "values": {"figures": [0, 1]},
        "headline": "sums are right",
    }
    assert (about["fit"], about["verdict"]) == (False, told.record.verdict())


def test_a_disk_that_is_full_costs_the_file_and_not_the_check(
    checked: Checked, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    told._out = Path("no/such/folder/found.json")
    assert checked(parts.FINE).fit
    assert "note: no/such/folder/found.json cannot be written: No such file or directory" in capsys.readouterr().err
