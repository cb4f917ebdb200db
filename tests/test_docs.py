"""What the pages say is so: their commands are understood, their options and links exist, errors read as they quote."""

from __future__ import annotations

import argparse
import ast
import dataclasses
import itertools
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from common.errors import OptionError
from common.repository import ROOT
from common.search_record import SearchRecord
from tests.helpers import options_page
from tests.helpers.options_page import parser_of
from tests.test_help import PROGRAMS
from trainable import config
from tuning.command import options as search
from tuning.plan import space_names
from tuning.records import leaderboard
from tuning.records.rows import Row

PACKAGES = ("benchmarks", "common", "data_prep", "ensemble", "search_spaces", "trainable", "tuning")
SOURCES = [ROOT / "tune_main.py", *(file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
MENTIONING = [page for page in PAGES if page.parent.name != "benchmarks" and page.name != "CHANGELOG.md"]
"""Pages of today's options; the others tell of versions before, too."""

NOT_OURS = {
    "venv": "Python's own",
    "pytest": "its options are pytest's",
    "pip": "its options are pip's",
    "tests.helpers.options_page": "it has none",
}
"""Modules that `python -m` runs and that have no options of ours, with the reason."""

FOREIGN = {
    "--full": "of `make faults`, to pytest",
    "--generate": "of `ray get-auth-token`",
    "--node-manager-port": "of `ray start`",
    "--object-manager-port": "of `ray start`",
    "--runtime-env-agent-port": "of `ray start`",
    "--temp-dir": "of `ray start`",
    "--logdir": "of `tensorboard`",
    "--help": "of every program",
}
"""Options that pages name and that are none of ours."""

TROUBLE = ROOT / "docs" / "troubleshooting.md"


class Command(NamedTuple):
    """A command line of a page. What follows the program is its `words`."""

    where: str
    program: str
    words: list[str]


def _commands(where: str, text: str) -> Iterator[Command]:
    """Find what begins with `python`: whole lines, and within a sentence what may lack something ("...").

    After two spaces, or a #, comes what the command does.
    """
    text = re.sub(r" *\\\n *", " ", text)
    lines = re.findall(r"^ *(?:\.venv/bin/)?python (.+)", text, re.MULTILINE)
    spans = re.findall(r"`python ([^`]+)`", text)
    for line in [*lines, *(re.sub(r"\s*\n\s*", " ", span) + " ..." for span in spans)]:
        words = shlex.split(re.split(r"\s{2,}", line)[0], comments=True)
        words = list(itertools.takewhile(lambda word: word not in ("&&", "||", "|", ">", ">>"), words))
        program = words[1] if words[0] == "-m" else words[0].removesuffix(".py")
        yield Command(where, program, words[2 if words[0] == "-m" else 1 :])


@cache
def trees() -> dict[Path, ast.Module]:
    return {file: ast.parse(file.read_text()) for file in SOURCES}


def _found() -> list[Command]:
    pages = [(page, page.read_text()) for page in PAGES]
    sources = [(file, source) for file in SOURCES if "python " in (source := file.read_text())]
    docstrings = [(file, ast.get_docstring(ast.parse(source)) or "") for file, source in sources]
    texts = [(str(file.relative_to(ROOT)), text) for file, text in [*pages, *docstrings]]
    return [command for where, text in texts for command in _commands(where, text) if command.program not in NOT_OURS]


COMMANDS = _found()


def parsed(command: Command) -> argparse.Namespace:
    """Parse a command; "..." stands for what a reader has to fill in."""
    parser = parser_of(command.program)
    if "..." in command.words:
        for needed in (*parser._actions, *parser._mutually_exclusive_groups):
            needed.required = False
    return parser.parse_args([word for word in command.words if word != "..."])


def test_commands_are_found_in_pages_and_docstrings() -> None:
    places = {command.where for command in COMMANDS}
    assert {"README.md", "docs/data.md", "docs/ensemble.md", "ensemble/predict.py", "tune_main.py"} <= places
    assert len(COMMANDS) > 100
    text = (
        "    python -m data_prep --out x \\\n        --size 96x72 | head     makes it\npython tune_main.py  # or this\n"
    )
    assert list(_commands("here", text)) == [
        Command("here", "data_prep", ["--out", "x", "--size", "96x72"]),
        Command("here", "tune_main", []),
    ]


@pytest.mark.parametrize("where", sorted({command.where for command in COMMANDS}))
def test_every_command_is_one_that_its_program_understands(where: str) -> None:
    for command in (each for each in COMMANDS if each.where == where):
        try:
            options = parsed(command)
            whole = "..." not in command.words
            if command.program == "tune_main" and whole and not options.config:  # a file may say what else is needed
                search.check(options)
                if options.resume:
                    search.check_resumed(options)
        except OptionError as error:
            pytest.fail(f"{where}: {command.program} {shlex.join(command.words)}: {error}")


@cache
def known_options() -> set[str]:
    programs = {command.program for command in COMMANDS}
    return {option for program in programs for option in parser_of(program)._option_string_actions}


@pytest.mark.parametrize("page", MENTIONING, ids=lambda page: page.name)
def test_every_option_that_a_page_names_is_one_of_a_program(page: Path) -> None:
    for span in re.findall(r"`([^`]+)`", _prose(page.read_text())):
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", span))
        assert not named - known_options() - set(FOREIGN), f"{page.name}: {span}"


LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(_prose(page.read_text())):
        if "://" not in target:
            check_link(page, target)


def test_every_page_that_the_code_names_is_there() -> None:
    for file in SOURCES:
        for name, anchor in re.findall(r"\b(docs/[\w-]+\.md)(#[\w-]+)?", file.read_text()):
            check_link(ROOT / "a page", name + anchor)


def check_link(page: Path, target: str) -> None:
    name, _, anchor = target.partition("#")
    file = (page.parent / name).resolve() if name else page
    assert file.exists(), f"{page.name}: {target}"
    assert not anchor or anchor in anchors(file.read_text()), f"{page.name}: {target}"


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", _prose(text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.strip().lower()).replace(" ", "-") for heading in headings}


def test_anchors_are_made_as_github_makes_them() -> None:
    text = "# How sure, is it?\n```\n# no heading\n```\n## `ASHA` and GPU-hours\n"
    assert anchors(text) == {"how-sure-is-it", "asha-and-gpu-hours"}


def _prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


QUOTE = re.compile(r"^\| `([^|]+?)` \|", re.MULTILINE)


@cache
def said() -> str:
    """Every text in the code, in as many parts as something is put between."""
    nodes = (node for tree in trees().values() for node in ast.walk(tree))
    return "\n".join(node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))


def test_every_message_that_is_quoted_is_one_that_is_said() -> None:
    quotes = [quote for cell in QUOTE.findall(TROUBLE.read_text()) for quote in cell.split("`, `")]
    assert len(quotes) > 80
    for quote in quotes:
        for part in filter(None, (part.strip() for part in quote.split("..."))):
            assert part in said(), f"{TROUBLE.name}: {quote}"


def test_the_page_of_results_names_every_column_key_and_tag() -> None:
    code = (ROOT / "tuning" / "callbacks" / "tensorboard" / "curves.py").read_text()
    tags = re.findall(r'^    "([a-z0-9]+/[a-z0-9_]+)": Curve', code, re.MULTILINE)
    assert "f1/val" in tags
    keys = {field.name for each in (Row, SearchRecord) for field in dataclasses.fields(each)} - {"plan"}
    named = set(re.findall(r"`([^`]+)`", _prose((ROOT / "docs" / "results.md").read_text())))
    assert not {*leaderboard.COLUMNS, *tags, *keys} - named


@pytest.mark.skipif(
    sys.version_info[:2] != (3, 11), reason="each Python words help in its own way; the page is of 3.11"
)
def test_the_page_of_options_shows_what_help_of_every_program_says() -> None:
    shown = {program for programs in options_page.PROGRAMS.values() for program in programs}
    for_developers = {"data_prep.sample.segmenter"}
    assert {program for program in PROGRAMS if not program.startswith("benchmarks")} - for_developers <= shown
    written = (ROOT / "docs" / "options.md").read_text()
    assert written.split() == options_page.page().split(), "python -m tests.helpers.options_page > docs/options.md"


SPACES = ROOT / "docs" / "spaces.md"


def test_the_page_of_spaces_names_every_space_and_every_setting_with_the_recipes_value() -> None:
    rows = [
        [cell.strip() for cell in line.split(" | ")] for line in SPACES.read_text().split("\n") if line[:3] == "| `"
    ]
    first = [re.findall(r"`([^`]+)`", row[0]) for row in rows]
    assert {name for names in first for name in names if "/" not in name} == set(space_names.names())
    said = {key: row[1].split(", ") for names, row in zip(first, rows, strict=True) for key in names if "/" in key}
    recipe = config.TrialConfig().to_flat()
    assert set(said) == set(recipe)
    for key, values in said.items():
        kind = type(recipe[key])
        assert recipe[key] in [kind(value) for value in values], key
