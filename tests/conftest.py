"""Shared by tests of several rooms: a small dataset store that is learnable and quick."""

from __future__ import annotations

import functools
import gc
import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from data_prep.labels import MASKS
from data_prep.store import store as stores
from data_prep.store.meta import StoreMeta
from data_prep.store.store import Store
from tests.helpers import forked_workers
from tests.tuning.helpers.plans import small_plan
from tuning.plan.plan import Plan

if TYPE_CHECKING:
    from tests.tuning.helpers.undisturbed import Undisturbed

gc.disable()
"""Until all tests are collected: what is imported is not garbage, and to look for some takes three seconds."""

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
"""No AMX, here and in what tests start: some virtual machines lose its registers when processes take turns, and then
plain torch trains to NaN as well."""

os.environ.setdefault("RAY_prestart_worker_first_driver", "0")
"""Each Ray that a test starts would start two Python processes that nobody needs yet."""

os.environ.setdefault("OMP_NUM_THREADS", "1")
"""Several processes test at once: threads of one would wait for cores that another has."""

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
"""As in a search's workers, which are forks of this process: threads that wait for each other leave the cores alone."""

os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
"""As after `source .venv/bin/activate`: `python`, in what programs print, is this one."""

SPLIT_OF_TEN = ("train",) * 6 + ("val",) * 2 + ("test",) * 2
MASK_OF_SEVEN = ("worn",) * 5 + ("incorrect", "none")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full", action="store_true", help="tests/faults: make every fault as often as `make faults` does"
    )


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """In a fresh clone nothing is compiled yet: two processes do it, torch and the kernels the one, the rest the other.
    Each of those that run the tests would do all of it."""
    torch = importlib.util.find_spec("torch")
    if torch and torch.cached and Path(torch.cached).exists():
        return
    collecting = "import numba, sympy, pytest; pytest.main(['--collect-only', '-qq'])"
    halves = ("import trainable.photos.augment_cpu", collecting)
    for each in [subprocess.Popen([sys.executable, "-c", half], stdout=subprocess.DEVNULL) for half in halves]:
        each.wait()


LONGEST = (
    "test_readme.py",
    "test_bare_user.py",
    "test_end_to_end.py",
    "tuning/test_signals.py",
    "data_prep/prepare/test_cluster.py",
    "tuning/storage/test_mirror.py",
    "tuning/test_faults.py",
    "faults/test_nodes.py",
    "ensemble/test_select_and_predict.py",
    "trainable/test_workbench.py",
    "faults/test_workers.py",
    "tuning/test_surroundings.py",
    "test_photographs.py",
    "common/test_ray_cluster.py",
    "benchmarks/data_prep/test_data_prep.py",
    "ensemble/model/test_elsewhere.py",
    "trainable/loop/test_loop.py",
    "trainable/network/test_model.py",
    "data_prep/prepare/draft/test_killed.py",
    "tuning/cluster/test_nodes.py",
    "tuning/storage/test_disk.py",
    "data_prep/prepare/draft/test_processes.py",
    "benchmarks/gpu/test_main.py",
)
"""The files that take a third of a minute or more, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first, so that none is left for one of two processes at the end."""
    first = {Path(__file__).parent / name: number for number, name in enumerate(LONGEST)}
    assert not (gone := [str(file) for file in first if not file.exists()]), f"LONGEST names what is gone: {gone}"
    items.sort(key=lambda item: first.get(item.path, len(first)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """What torch, Ray and all tests have imported by now stays: the garbage collector need not look at it again, and
    workers need not import it."""
    with_workers = any("ray_session" in getattr(item, "fixturenames", ()) for item in session.items)
    if with_workers:
        importlib.import_module("trainable.photos.augment_cpu")  # a trial would in its first step, for a second
    gc.freeze()
    if with_workers:
        forked_workers.serve()
    gc.enable()


@pytest.fixture(scope="session")
def small_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """60 people of every gender and band x 7 photos of 32x24 (source 512x384), 10 eval photos.

    The colour of a photo tells mask and gender, its brightness the age, all with noise.
    """
    return drawn_store(tmp_path_factory.mktemp("small") / "store", people=60)


@pytest.fixture(scope="session")
def smallest_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """As `small_store`, of 10 people: for trials whose score nobody looks at."""
    return drawn_store(tmp_path_factory.mktemp("smallest") / "store", people=10)


def drawn_store(folder: Path, people: int) -> Store:
    rng = np.random.default_rng(0)
    rows, photos = [], []
    for person in range(people):
        gender, age = ("male", "female")[person % 2], (20, 45, 60, 28, 33, 58)[person // 2 % 6]
        for number, mask in enumerate(MASK_OF_SEVEN):
            name = f"{person:06d}/{number}.jpg"
            split = SPLIT_OF_TEN[10 * person // people]
            rows.append(
                {"path": name, "person": f"{person:06d}", "mask": mask, "gender": gender, "age": age, "split": split}
            )
            photos.append(_photo(MASKS.index(mask), person % 2, age, rng))
    for number in range(10):
        name = f"eval{number}.jpg"
        rows.append({"path": name, "person": name, "mask": None, "gender": None, "age": None, "split": "eval"})
        photos.append(_photo(number % 3, number % 2, 20 + 4 * number, rng))
    meta = StoreMeta(profile="sample", source_size=(512, 384))
    return stores.write(folder, np.stack(photos), pd.DataFrame(rows), meta)


def _photo(mask: int, gender: int, age: int, rng: np.random.Generator) -> np.ndarray:
    colour = np.array([60 * mask, 150 * gender, 3 * age], dtype=float)
    return np.clip(colour + rng.normal(0, 20, size=(32, 24, 3)), 0, 255).astype(np.uint8)


@pytest.fixture
def make_plan(tmp_path: Path, small_store: Store) -> Callable[..., Plan]:
    return functools.partial(small_plan, tmp_path / "runs", small_store)


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the runs/ and data/ of the checkout."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine make steps this small up to fifty times slower."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def one_core() -> Iterator[None]:
    """Searches here have one trial at a time: each worker builds its network and trains it beside the others."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("common.machine.cpu_cores", lambda: 1)
        yield


@pytest.fixture(scope="session")
def rays_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workers of `ray_session` keep copies of stores: they are told when it starts."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def ray_session(rays_cache: Path) -> Iterator[None]:
    """One Ray for every test that runs a search in this process, with workers that start at once."""
    import ray

    from tuning.cluster import session

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MASKTUNE_CACHE", str(rays_cache))
        with forked_workers.used():
            session.start_ray()
    yield
    ray.shutdown()


@pytest.fixture(scope="session")
def calm(ray_session: None, small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """One search that nothing happens to, for all tests in this process."""
    from tests.tuning.helpers.undisturbed import undisturbed

    return undisturbed(tmp_path_factory.mktemp("calm"), small_store)
