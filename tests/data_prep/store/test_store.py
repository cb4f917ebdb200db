import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from common.errors import StoreError
from data_prep.labels import MISSING
from data_prep.store import writer as store_writer
from data_prep.store.meta import StoreMeta
from data_prep.store.store import Store, write
from data_prep.store.writer import StoreWriter
from data_prep.task import REFERENCE, Task

SIZE = (6, 4)


def photos(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, *SIZE, 3), dtype=np.uint8)


def index(n: int = 10) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "path": [f"00{i // 2}-1/photo{i}.jpg" for i in range(n)],
            "person": [f"00{i // 2}-1" for i in range(n)],
            "mask": ["worn", "none"] * (n // 2),
            "gender": "female",
            "age": [18 + i // 2 * 14 for i in range(n)],
            "split": [*(["train"] * 6 + ["val"] * 2 + ["test"] * n)[: n - 1], "eval"],
        }
    )
    frame.loc[n - 1, ["mask", "gender", "age"]] = None
    return frame


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Ten photos in shards of four."""
    monkeypatch.setattr(store_writer, "PHOTOS_PER_SHARD", 4)
    return write(
        tmp_path / "store", photos(10), index(), StoreMeta(source_size=(60, 40), left_out=[{"path": "x", "why": "y"}])
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def edit(store: Store, **changes: object) -> None:
    file = store.path / "store.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_store_gives_back_what_was_written(store):
    assert len(store.meta["shards"]) == 3
    assert np.array_equal(store.read(range(10)), photos(10))
    assert store.size == SIZE and store.source_size == (60, 40) and store.bands == (30, 60)
    assert list(store.mask[:2]) == [0, 2] and store.mask[9] == MISSING
    assert list(store.age_min) == [18, 18, 32, 32, 46, 46, 60, 60, 74, MISSING]
    assert list(store.classes()) == [3, 15, 4, 16, 4, 16, 5, 17, 5, MISSING]
    assert list(store.rows("val")) == [6, 7] and list(store.rows("eval")) == [9]
    assert store.person[2] == "001-1"
    assert store.meta["counts"]["people"] == 5
    assert store.meta["counts"]["splits"]["train"] == {"photos": 6, "people": 3}


def test_reading_keeps_the_order_asked_for_and_cuts_the_window(store):
    rows = [9, 0, 4, 4, 3]
    assert np.array_equal(store.read(rows, 1, 2, 4, 2), photos(10)[rows, 1:5, 2:4])
    out = np.empty((5, 5, 4, 3), np.uint8)
    assert store.read(np.array(rows), top=1, out=out) is out
    assert np.array_equal(out, photos(10)[rows, 1:])
    assert store.read([]).shape == (0, *SIZE, 3)


def test_a_window_or_row_outside_is_refused(store):
    with pytest.raises(ValueError, match="not within"):
        store.read([0], top=3, height=4)
    with pytest.raises(IndexError, match=r"0\.\.9"):
        store.read([10])
    with pytest.raises(IndexError, match="-1"):
        store.read([-1])
    with pytest.raises(ValueError, match="out must be"):
        store.read([0], out=np.empty((2, *SIZE, 3), np.uint8))


def test_mean_and_std_are_of_the_train_photos_only(store):
    train = photos(10)[:6].astype(np.float64) / 255
    np.testing.assert_allclose(store.mean, train.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(store.std, train.std(axis=(0, 1, 2)), rtol=1e-6)
    assert store.mean.dtype == store.std.dtype == np.float32


def test_the_same_inputs_make_the_same_bytes(tmp_path):
    first, second = (write(tmp_path / name, photos(10), index()) for name in "ab")
    assert contents(first.path) == contents(second.path)
    other = write(tmp_path / "c", photos(10)[::-1], index())
    assert other.hash != first.hash


def test_a_store_is_pickled_as_its_path(store):
    data = pickle.dumps(store)
    assert len(data) < 500
    assert np.array_equal(pickle.loads(data).read([3]), store.read([3]))


def test_shards_are_plain_npy_files(store):
    assert np.array_equal(np.load(store.path / "images-00002.npy"), photos(10)[8:])


def test_names_that_look_like_missing_values_stay_names(tmp_path):
    frame = index().assign(person=["NA", "null", "None", "nan", "0042", "1e5", "-1", "x", "y", "z"])
    assert list(write(tmp_path / "s", photos(10), frame).person[:7]) == list(frame["person"][:7])


def test_no_store_is_told_from_a_broken_one(tmp_path, store):
    with pytest.raises(StoreError, match=r"nowhere does not exist: make a store with python -m data_prep"):
        Store.open(tmp_path / "nowhere")
    with pytest.raises(StoreError, match=r"has no store\.json"):
        Store.open(tmp_path)
    edit(store, schema=7)
    with pytest.raises(StoreError, match=r"schema 1 expected, but store\.json says 7"):
        Store.open(store.path)
    (store.path / "store.json").write_text("{")
    with pytest.raises(StoreError, match="cannot be read"):
        Store.open(store.path)


@pytest.mark.parametrize(
    "changes", [{"size": [4, 6]}, {"shards": []}, {"bands": [29, 60]}, {"profile": "sample"}, {"mean": [0, 0, 0]}]
)
def test_an_edited_store_json_is_refused(store, changes):
    edit(store, **changes)
    with pytest.raises(StoreError, match="hash does not match"):
        Store.open(store.path)


def test_a_changed_index_is_refused(store):
    file = store.path / "index.csv"
    file.write_text(file.read_text().replace("female", "male"))
    with pytest.raises(StoreError, match=r"index\.csv: its SHA-256"):
        Store.open(store.path)
    file.unlink()
    with pytest.raises(StoreError, match=r"index\.csv cannot be read \(No such file"):
        Store.open(store.path)


def test_a_store_json_that_lacks_something_is_refused(store):
    file = store.path / "store.json"
    meta = json.loads(file.read_text())
    del meta["mean"], meta["counts"]
    file.write_text(json.dumps(meta))
    with pytest.raises(StoreError, match="lacks counts, mean"):
        Store.open(store.path)


def test_a_shard_cut_short_or_grown_or_missing_is_always_refused(store):
    file = store.path / "images-00001.npy"
    whole = file.read_bytes()
    for data in (whole[:-1], whole[:50], b"", whole + b"x", whole.replace(b"(4, 6, 4, 3)", b"(3, 6, 4, 3)")):
        file.write_bytes(data)
        with pytest.raises(StoreError, match=r"images-00001\.npy"):
            Store.open(store.path)
    file.unlink()
    with pytest.raises(StoreError, match=r"images-00001\.npy"):
        Store.open(store.path)


def test_a_flipped_bit_in_a_shard_is_found_when_verifying(store):
    file = store.path / "images-00001.npy"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    Store.open(store.path)
    with pytest.raises(StoreError, match=r"images-00001\.npy: its SHA-256"):
        Store.open(store.path, verify=True)


def test_a_store_may_be_moved(store, tmp_path):
    shutil.move(store.path, tmp_path / "elsewhere")
    assert Store.open(tmp_path / "elsewhere", verify=True).hash == store.hash


def test_an_existing_folder_is_left_alone(store):
    before = contents(store.path)
    with pytest.raises(StoreError, match="already exists"):
        write(store.path, photos(10), index())
    assert contents(store.path) == before


def test_a_writer_that_fails_leaves_nothing_behind(tmp_path):
    with pytest.raises(ZeroDivisionError), StoreWriter(tmp_path / "store", SIZE) as writer:
        writer.add(photos(1)[0], index().iloc[0].to_dict())
        raise ZeroDivisionError
    with pytest.raises(StoreError, match="no photo is left to train on"):
        write(tmp_path / "store", photos(10), index().assign(split="val"))
    with pytest.raises(ValueError, match="a photo must be uint8"):
        write(tmp_path / "store", [photos(1)[0], photos(1)[0, :-1]], index().iloc[:2])
    with pytest.raises(ValueError, match="mask must be one of"):
        write(tmp_path / "store", photos(10), index().assign(mask="chin"))
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_the_reference_task_has_the_hash_that_it_had_before_there_were_tasks(tmp_path):
    found = write(tmp_path / "store", photos(10), index(), StoreMeta(source_size=(60, 40)))
    assert found.hash == "a93ac587ca5bbd5cbebd62647ea69a6d8051d520eae6c14250fb076c214ece41"
    other = write(
        tmp_path / "other", photos(10), index(), StoreMeta(source_size=(60, 40), task=Task(("gender", "age")))
    )
    assert other.hash != found.hash and other.meta["index_sha256"] == found.meta["index_sha256"]


def without_task(store: Store) -> Store:
    """As version 0.4 wrote it."""
    meta = {key: value for key, value in store.meta.items() if key not in ("task", "json_sha256")}
    (store.path / "store.json").write_text(json.dumps(meta))
    return Store.open(store.path)


def test_a_store_of_before_tasks_is_of_the_reference_task_if_any_photo_is(tmp_path):
    assert without_task(write(tmp_path / "full", photos(10), index())).task == REFERENCE
    few = index().assign(mask=None)
    found = without_task(write(tmp_path / "few", photos(10), few))
    assert found.task == Task(("age",)) and "every photo's gender is female" in found.task.notes
    nothing = index().assign(mask=None, gender=None, age=None)
    assert without_task(write(tmp_path / "nothing", photos(10), nothing)).task == REFERENCE


@pytest.mark.parametrize("task", [{}, {"factors": ["hair"], "masks": [], "notes": []}, "mask", None])
def test_a_task_that_cannot_be_read_is_one_line(store, task):
    edit(store, task=task)
    with pytest.raises(StoreError, match=r"store.json"):
        Store.open(store.path)
