"""The design's import rule: who may know whom, who knows Ray, and who knows rembg."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("search_spaces", "data_prep", "trainable", "tuning", "ensemble")

ALLOWED = {
    "search_spaces": set(),
    "data_prep": {"data_prep"},
    "trainable": {"trainable", "data_prep.labels", "data_prep.store", "data_prep.split", "data_prep.node_copy"},
    "tuning": {"tuning", "search_spaces", "trainable", "data_prep.store", "data_prep.node_copy"},
    # Photos from outside a store must be treated as the store's were: that is the one thing it needs data_prep for.
    "ensemble": {
        "ensemble",
        "trainable",
        "data_prep.labels",
        "data_prep.store",
        "data_prep.split",
        "data_prep.node_copy",
        "data_prep.prepare",
    },
}


def modules(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def imported(file: Path) -> set[str]:
    """Every module that a file names in an import, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    for file in modules(room):
        for name in imported(file):
            if name.split(".")[0] in (*ROOMS, "tune_main"):
                assert within(name, ALLOWED[room]), f"{file.relative_to(ROOT)} imports {name}"


def test_only_tuning_ray_trainable_and_the_cluster_of_data_prep_know_ray() -> None:
    for room in ("search_spaces", "data_prep", "trainable", "ensemble"):
        for file in modules(room):
            if file.name not in ("ray_trainable.py", "sturdy.py", "cluster.py"):
                assert not any(name.split(".")[0] == "ray" for name in imported(file)), file


def test_only_the_background_knows_rembg() -> None:
    users = {file for room in ROOMS for file in modules(room) if any(within(n, {"rembg"}) for n in imported(file))}
    assert users == {ROOT / "data_prep" / "background.py"}


def test_a_search_space_imports_nothing_but_optunas_distributions() -> None:
    for file in modules("search_spaces"):
        assert all(within(name, {"optuna.distributions", "__future__"}) for name in imported(file)), file
