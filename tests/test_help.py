"""Every program answers --help, and refuses a bad option, without what its work imports: that takes seconds."""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from typing import NamedTuple

import pytest

from common.repository import ROOT

HEAVY = {
    "torch", "torchvision", "ray", "pandas", "pyarrow", "onnxruntime", "rembg", "sklearn", "scipy", "cleanlab", "numba",
    "PIL", "optuna", "tensorboard", "plotly",
}  # fmt: skip

DRAWS = "benchmarks.gpu"
"""Its portraits' sizes stand beside what draws them, with Pillow, which takes a tenth of a second."""

PACKAGES = ("benchmarks", "data_prep", "ensemble", "trainable", "tuning")
FILES = [ROOT / "tune_main.py", *(file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))]


def _is_program(source: str) -> bool:
    tests = [node.test for node in ast.parse(source).body if isinstance(node, ast.If)]
    return any(ast.unparse(test) == "__name__ == '__main__'" for test in tests)


PROGRAMS = [
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for file in FILES
    if "__main__" in (source := file.read_text()) and _is_program(source)  # all files take seconds to parse
]

SCRIPT = f"""
import contextlib, io, json, runpy, sys
program, answers = sys.argv[1], {{}}
for option in ("--help", "--no-such-option"):
    sys.argv[1:], out, err, code = [option], io.StringIO(), io.StringIO(), 0
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    loaded = sorted({HEAVY!r} & set(sys.modules))
    answers[option] = dict(code=code, out=out.getvalue(), err=err.getvalue(), loaded=loaded)
print(json.dumps(answers))
"""


class Answer(NamedTuple):
    code: int
    out: str
    err: str
    loaded: list[str]


@functools.cache
def answers(program: str) -> dict[str, Answer]:
    """By option. One process gives both: to start Python takes longer than to answer."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {option: Answer(**answer) for option, answer in json.loads(done.stdout).items()}


def test_all_programs_are_found() -> None:
    assert {"tune_main", "data_prep", "data_prep.check", "trainable", "tuning.replay", "benchmarks.gpu"} <= set(
        PROGRAMS
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_there_before_anything_that_takes_seconds_to_import(program: str) -> None:
    found = answers(program)["--help"]
    assert (found.code or 0) == 0, found.err
    assert found.out.startswith("usage: ")
    assert set(found.loaded) <= ({"PIL"} if program == DRAWS else set())


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_bad_option_is_one_line_and_as_quick(program: str) -> None:
    found = answers(program)["--no-such-option"]
    assert found.code == 2
    assert found.err.startswith("error: --no-such-option: no such option; ") and found.err.count("\n") == 1
    assert set(found.loaded) <= ({"PIL"} if program == DRAWS else set())
