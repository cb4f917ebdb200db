from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import portraits
from benchmarks.gpu.part import Finding
from benchmarks.gpu.portraits import Portraits
from common.repository import ROOT
from data_prep.labels import MASKS
from data_prep.sample.people import person
from data_prep.store.meta import StoreMeta
from data_prep.store.store import Store, write

FEW = Portraits(train=2, val=1, test=1, size=(64, 48))


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Finding]]:
    setting = command.replace(command.SETTINGS["cpu"], path=tmp_path_factory.mktemp("drawn") / "store")
    (finding,) = portraits.part(FEW).run(setting)
    yield setting.store, finding


def test_portraits_have_people_in_one_split_each_and_their_labels(drawn: tuple[Store, Finding]) -> None:
    store, finding = drawn
    assert (len(store), store.size, store.source_size, store.profile) == (28, (64, 48), (512, 384), "reference")
    assert store.meta["background"]["method"] == "keep"
    assert [len(store.rows(split)) for split in ("train", "val", "test")] == [14, 7, 7]
    assert store.index.groupby("person")["split"].nunique().tolist() == [1] * 4
    who = [person(portraits.SEED, "train", number) for number in range(4)]
    assert store.age_min[::7].tolist() == [each.age for each in who]
    assert store.index["gender"][::7].tolist() == [each.recorded_gender for each in who]
    assert [MASKS[code] for code in store.mask[:7]] == ["worn"] * 5 + ["incorrect", "none"]
    assert (finding.right, finding.values["photos"]) == (None, 28)


def test_portraits_are_the_same_bytes_each_time(drawn: tuple[Store, Finding]) -> None:
    store, _ = drawn
    for number, (person_number, split) in enumerate(FEW.people()):
        again = portraits.draw_person(FEW.size, (person_number, split))
        assert np.array_equal(store.read(range(7 * number, 7 * number + 7)), again.photos)


def test_portraits_make_the_store_that_a_store_writer_makes(drawn: tuple[Store, Finding], tmp_path: Path) -> None:
    ours, _ = drawn
    theirs = write(tmp_path / "store", ours.read(range(28)), ours.index, StoreMeta(source_size=(512, 384)))
    assert ours.hash == theirs.hash


def test_shards_hold_no_more_photos_than_they_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portraits, "PHOTOS_PER_SHARD", 20)
    people = (portraits.draw_person((16, 12), (number, "train")) for number in range(3))
    portraits._write(people, (16, 12), tmp_path / "store")
    store = Store.open(tmp_path / "store", verify=True)
    assert [shard["photos"] for shard in store.meta["shards"]] == [14, 7]


def test_portraits_are_as_drawn_where_the_store_is_of_their_size() -> None:
    drawn = portraits.draw_person((512, 384), (0, "val"))
    assert (drawn.photos.shape, drawn.photos.dtype) == ((7, 512, 384, 3), np.uint8)
    assert {row["split"] for row in drawn.rows} == {"val"}


def test_drawing_imports_neither_torch_nor_pandas() -> None:
    script = "import sys, benchmarks.gpu.portraits; sys.exit(bool({'torch', 'pandas', 'numba'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
