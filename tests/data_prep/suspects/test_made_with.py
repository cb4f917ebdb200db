"""The command that makes a store again after its labels are mended makes the same store while nothing is mended."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from data_prep.__main__ import main as data_prep
from data_prep.store.store import Store
from data_prep.suspects.report import made_with
from tests.data_prep import drawn_layouts
from tests.data_prep.drawn_layouts import Folder
from tests.helpers.relabelled import relabelled

KEEP = ["--background", "keep"]
SAMPLE = ["--background", "sample"]


@pytest.mark.parametrize(
    ("layout", "asked", "said"),
    [
        (drawn_layouts.utkface, KEEP, "--images DIR --size 40x30 --background keep"),
        (
            drawn_layouts.imagefolder,
            [*KEEP, "--size", "24x16", "--seed", "3"],
            "--images DIR --size 24x16 --background keep --seed 3",
        ),
        (
            drawn_layouts.manifest,
            [*KEEP, "--bands", "25,50", "--task", "mask,gender", "--group-near"],
            "--images DIR --labels CSV --size 40x30 --background keep --bands 25,50 --task mask,gender --group-near",
        ),
        (
            drawn_layouts.fairface,
            [*SAMPLE, "--implausible", "remove", "--allow-left-out", "1"],
            "--images DIR --labels CSV --size 40x30 --background sample --implausible remove",
        ),
        (drawn_layouts.utkface, SAMPLE, "--images DIR --size 40x30 --background sample"),
    ],
)
def test_a_store_is_made_again_by_the_options_that_it_tells(
    tmp_path: Path, layout: Callable[[Path], Folder], asked: list[str], said: str
) -> None:
    images, labels = layout(tmp_path)
    where = ["--images", str(images), *(["--labels", str(labels)] if labels else [])]
    data_prep([*where, *asked, "--out", "first"])
    first = Store.open("first")
    assert made_with(first) == said
    there = {"DIR": str(images), "CSV": str(labels)}
    again = [there.get(word, word) for word in shlex.split(made_with(first))]
    data_prep([*again, "--out", "again", "--allow-left-out", "1"])
    assert Store.open("again").hash == first.hash


def test_a_store_that_says_little_is_taken_at_its_word(small_store: Store, tmp_path: Path) -> None:
    store = relabelled(small_store, tmp_path / "store", small_store.index)
    for name in ("made_from", "implausible"):  # as those of 0.3 are
        store.meta.pop(name, None)
    store.meta["background"] = {"method": "own", "model": "my model.onnx", "sha256": "0"}
    assert made_with(store) == (
        "--images DIR --labels CSV --size 32x24 --background 'my model.onnx' --implausible remove"
    )
