"""What a worker does before its first step: it opens the search's store, and copies it to its node if need be."""

import gc
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from common.errors import StoreError
from trainable.worker.ray_trainable import RayTrial

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MASKTUNE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def worker(tmp_path):
    """A worker without Ray around it; its trial's folder is the test's own."""

    def make() -> RayTrial:
        made = RayTrial.__new__(RayTrial)
        made._store, made._storage = None, SimpleNamespace(trial_fs_path=str(tmp_path / "trial"))
        made.config = {}
        return made

    return make


def log(tmp_path: Path) -> list[str]:
    return [line.split("  ", 1)[1] for line in (tmp_path / "trial/trial.log").read_text().splitlines()]


def test_the_first_worker_of_a_node_copies_the_store_and_says_so_in_its_trials_log(worker, small_store, tmp_path):
    shared = {"store": f"file://{small_store.path}", "store_hash": small_store.hash}
    copy = tmp_path / "cache/stores" / small_store.hash[:16]
    first, second = worker(), worker()
    assert first._store_of(shared).path == second._store_of(shared).path == copy
    assert first._store_of(shared) is first._store
    copied, found = log(tmp_path)
    assert copied.startswith(f"store: copied from file://{small_store.path} to {copy} in ")
    assert found == f"store: the copy in {copy} of file://{small_store.path}"


def test_a_folder_is_opened_where_it_lies(worker, small_store, tmp_path):
    assert worker()._store_of({"store": str(small_store.path)}).path == small_store.path
    assert not (tmp_path / "trial").exists()


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_node_that_has_another_store_there_trains_on_nothing(worker, small_store, scheme):
    with pytest.raises(StoreError, match="is not the store that the search began with"):
        worker()._store_of({"store": f"{scheme}{small_store.path}", "store_hash": "another"})


@pytest.mark.parametrize(("shared", "asked"), [({"device": "cpu"}, "cpu"), ({"device": "auto"}, "auto"), ({}, "auto")])
def test_a_trial_runs_on_the_device_that_its_search_names(worker, monkeypatch, shared, asked):
    names = []
    monkeypatch.setattr("trainable.device.choose", lambda name, deterministic: names.append(name) or CPU)
    made = worker()
    made._bench = None
    assert made._bench_of(shared).device == CPU
    assert names == [asked]


def test_between_two_trials_no_garbage_is_looked_for_in_what_was_imported(worker):
    made = worker()
    made._bench = None
    gc.unfreeze()
    made._bench_of({"device": "cpu"})
    assert gc.get_freeze_count() > 10_000 > len(gc.get_objects())
