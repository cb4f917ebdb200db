"""The design's import rule: one way down, from tune_main to common, and who may know Ray, rembg and Optuna."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

from common.repository import ROOT
from tests.rules.sources import tree

WAY_DOWN = """
    tune_main
    ensemble.select_and_predict ensemble.export ensemble.predict
    ensemble.report ensemble.model
    ensemble.predictions
    ensemble.selection ensemble.search_folder
    ensemble.voting
    tuning.command tuning.watch tuning.compare
    tuning.report
    tuning.replay tuning.confirm
    tuning.search
    tuning.resume
    tuning.cluster
    tuning.preflight
    tuning.callbacks
    tuning.algorithms
    tuning.records
    tuning.storage tuning.signals tuning.ray_internals
    tuning.ownership
    tuning.background
    tuning.plan
    search_spaces
    trainable.__main__ trainable.worker
    trainable.loop
    trainable.best
    trainable.predict trainable.workbench trainable.epoch
    trainable.network trainable.photos
    trainable.recipe trainable.checkpoint trainable.official
    trainable.device trainable.config
    trainable.archs
    data_prep.__main__ data_prep.check data_prep.suspects
    data_prep.sample
    data_prep.prepare
    data_prep.survey
    data_prep.corrections
    data_prep.layouts
    data_prep.node_copy data_prep.photos
    data_prep.store
    data_prep.task
    data_prep.workers data_prep.processes data_prep.labels data_prep.choices
    common
"""
"""A room imports from those of lines below its own, and from itself. Every module is in one of them."""

LEVEL = {room: -number for number, line in enumerate(WAY_DOWN.split("\n")) for room in line.split()}

TRAINING = {"data_prep.labels", "data_prep.task", "data_prep.store", "data_prep.node_copy"}
ALLOWED = {
    "search_spaces": set(),
    "trainable": TRAINING | {"trainable"},
    # The sample's store: a search that is given no photos draws some. The bar is the same as where a store is made.
    "tuning": {
        "tuning",
        "search_spaces",
        "trainable",
        "data_prep.store",
        "data_prep.task",
        "data_prep.workers",
        "data_prep.node_copy",
        "data_prep.sample.store",
    },
    # Photos from outside a store must be treated as the store's were; the bar, and how a few of many are named, are the
    # same as where a store is made.
    "ensemble": TRAINING
    | {"ensemble", "trainable", "data_prep.prepare", "data_prep.workers", "data_prep.layouts.listing"},
}
"""What else a package may know of what lies below it, beside common."""

KNOW_RAY = (
    "tuning",
    "trainable.worker",
    "data_prep.prepare.cluster",
    "ensemble.predictions.spread",  # photos to predict are shared out as those to prepare are
    "common.ray_cluster",
    "common.security.own_ray",
)


def _name(file: Path) -> str:
    return ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


PACKAGES = ("common", "search_spaces", "data_prep", "trainable", "tuning", "ensemble")
FILES = [*(file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))), *sorted(ROOT.glob("*.py"))]
MODULES = {_name(file): file for file in FILES}


@functools.cache
def imported(file: Path) -> set[str]:
    """Every module that a file names in an import, at its top or inside a function."""
    names: set[str] = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else str(node.module) for name in full}
    return names


def room(module: str) -> str:
    found = [name for name in LEVEL if within(module, {name})]
    assert len(found) == 1, f"{module} is in {found or 'no room'}: name it in WAY_DOWN"
    return found[0]


def within(name: str, packages: set[str]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_a_room_imports_only_from_those_below_it() -> None:
    found = [f"{module} imports {name}{why}" for module in MODULES for name, why in wrong_imports(module)]
    assert not found, "\n".join(found)


def wrong_imports(module: str) -> Iterator[tuple[str, str]]:
    """What it imports and must not, and why."""
    if module in PACKAGES and module not in LEVEL:  # the empty __init__ of a package of rooms
        return
    here, package = room(module), module.split(".")[0]
    for name in imported(MODULES[module]) & set(MODULES):
        there = room(name)
        if there != here and LEVEL[there] >= LEVEL[here]:
            yield name, ", which is not below it"
        if not within(name, ALLOWED.get(package, set(PACKAGES)) | {"common"}):
            yield name, f", which {package} must not know"


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {name: imported(file) & set(MODULES) - {name} for name, file in MODULES.items()}
    while free := {name for name, needs in left.items() if not needs & set(left)}:
        left = {name: needs for name, needs in left.items() if name not in free}
    assert not left, f"in or above a circle: {', '.join(left)}"


def test_only_a_few_rooms_know_ray() -> None:
    know = [name for name, file in MODULES.items() if any(within(each, {"ray"}) for each in imported(file))]
    assert [name for name in know if not within(name, set(KNOW_RAY))] == []


def test_what_joins_a_cluster_imports_ray_only_then() -> None:
    tops = tree(MODULES["common.ray_cluster"]).body
    named = {name for node in tops if isinstance(node, ast.Import) for name in (alias.name for alias in node.names)}
    assert "logging" in named and "ray" not in named


def test_only_the_segmenters_know_rembg() -> None:
    users = {name for name, file in MODULES.items() if any(within(each, {"rembg"}) for each in imported(file))}
    assert users == {"data_prep.photos.segmenters"}


def test_a_search_space_imports_nothing_but_optunas_distributions() -> None:
    for name, file in MODULES.items():
        if within(name, {"search_spaces"}):
            assert all(within(each, {"optuna.distributions", "__future__"}) for each in imported(file)), name


def test_no_room_holds_more_files_than_a_person_can_look_through() -> None:
    for folder in {file.parent for file in (*FILES, *(ROOT / "benchmarks").rglob("*.py"))}:
        there = [file for file in folder.glob("*.py") if file.name != "__init__.py"]
        most = 20 if folder.name == "sample" else 12
        assert len(there) <= most, f"{folder.relative_to(ROOT)} holds {len(there)} files"
