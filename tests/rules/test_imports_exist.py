"""What a file names of ours is there: also in functions, and in programs that no test runs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from common.repository import ROOT

OURS = ("common", "search_spaces", "data_prep", "trainable", "tuning", "ensemble", "benchmarks", "tests")


def missing(source: str) -> list[str]:
    """The modules of ours that a source names in a `from ... import` and that are not there."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in OURS:
            place = ROOT.joinpath(*node.module.split("."))
            if place.is_dir():
                names = [alias.name for alias in node.names if not _is_in(place, alias.name)]
                found += [f"{node.module}.{name}" for name in names]
            elif not place.with_suffix(".py").exists():
                found.append(node.module)
    return found


def _is_in(package: Path, name: str) -> bool:
    itself = package / "__init__.py"
    is_module = (package / name).is_dir() or (package / f"{name}.py").exists()
    return is_module or (itself.exists() and name in itself.read_text())


def test_what_is_imported_of_ours_is_there() -> None:
    files = [*ROOT.glob("*.py"), *(file for folder in OURS for file in (ROOT / folder).rglob("*.py"))]
    found = {str(file.relative_to(ROOT)): missing(file.read_text()) for file in files}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from benchmarks import measure, no_such", ["benchmarks.no_such"]),
        ("from benchmarks.no_such import x", ["benchmarks.no_such"]),
        ("def late():\n    from tuning.storage import lost", ["tuning.storage.lost"]),
        ("from data_prep.node_copy import local, remote", []),
        ("from common.files import whatever", []),
        ("from torch import no_such", []),
    ],
)
def test_what_counts_as_missing(source: str, found: list[str]) -> None:
    assert missing(source) == found
