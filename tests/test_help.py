"""Every program answers --help, and refuses a bad option, without what its work imports: that takes seconds."""

from __future__ import annotations

import ast
import subprocess
import sys

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
import runpy, sys
program, *sys.argv[1:] = sys.argv[1:]
try:
    runpy.run_module(program, run_name="__main__", alter_sys=True)
finally:
    loaded = sorted({HEAVY!r} & set(sys.modules))
    print("loaded:", *loaded)
"""


def answer(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, program, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    mark, *names = done.stdout.splitlines()[-1].split()
    assert mark == "loaded:"
    return set(names)


def test_all_programs_are_found() -> None:
    assert {"tune_main", "data_prep", "data_prep.check", "trainable", "tuning.replay", "benchmarks.gpu"} <= set(
        PROGRAMS
    )


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_is_there_before_anything_that_takes_seconds_to_import(program: str) -> None:
    done = answer(program, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: ")
    assert loaded(done) <= ({"PIL"} if program == DRAWS else set())


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_bad_option_is_one_line_and_as_quick(program: str) -> None:
    done = answer(program, "--no-such-option")
    assert done.returncode == 2
    assert done.stderr.startswith("error: --no-such-option: no such option; ") and done.stderr.count("\n") == 1
    assert loaded(done) <= ({"PIL"} if program == DRAWS else set())
