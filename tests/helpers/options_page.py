"""Writes docs/options.md, which shows what --help of every program says:

python -m tests.helpers.options_page > docs/options.md
"""

from __future__ import annotations

import importlib
import sys
from unittest import mock

from common.command_line import Parser
from common.repository import ROOT
from tuning.command import options as search

PROGRAMS = {
    "Searching": ("tune_main", "tuning.watch", "tuning.report", "tuning.compare", "tuning.replay"),
    "Data": ("data_prep", "data_prep.check", "data_prep.suspects", "data_prep.sample"),
    "The vote and the model": ("ensemble.select_and_predict", "ensemble.export", "ensemble.predict"),
    "One trial, and the GPU": ("trainable", "benchmarks.gpu"),
}

HEAD = """# Options

Every program says with `--help` what it can do. This page shows the same; a test compares it with the programs.
"""


def parser_of(program: str) -> Parser:
    """The parser of a program, as it makes it itself."""
    if program == "tune_main":
        return search.parser()
    file = ROOT.joinpath(*program.split("."))
    module = importlib.import_module(f"{program}.__main__" if file.is_dir() else program)
    make = module.parser if hasattr(module, "parser") else module._parser
    found: Parser = make()
    return found


def page() -> str:
    """The page as the programs of today would have it."""
    return HEAD + "".join(
        f"\n## {theme}\n" + "".join(f"\n### {program}\n\n```text\n{_help(program)}```\n" for program in programs)
        for theme, programs in PROGRAMS.items()
    )


def _help(program: str) -> str:
    parser = parser_of(program)
    called = "python tune_main.py" if program == "tune_main" else f"python -m {program}"
    with mock.patch.dict("os.environ", {"COLUMNS": "100"}), mock.patch.object(parser, "prog", called):
        return parser.format_help()


if __name__ == "__main__":
    sys.stdout.write(page())
