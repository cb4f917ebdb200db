"""Small trials that train in about a second."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from data_prep.store.store import Store
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.photos import augment_cuda
from trainable.workbench import Workbench

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    """Threads that wait for each other on a busy machine make steps this small up to fifty times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small_config() -> Callable[..., TrialConfig]:
    """A from-scratch ResNet18 for the small store; settings by flat key as keyword `group__name` or in a dict."""

    def make(**changes: object) -> TrialConfig:
        flat = {
            "model/arch": "resnet18",
            "model/weights": "none",
            "optimizer/name": "adamw",
            "schedule/max_lr": 3e-3,
            "schedule/warmup": 1,
            "train/batch_size": 64,
            "train/epochs": 4,
        }
        return TrialConfig.from_flat({**flat, **{key.replace("__", "/", 1): value for key, value in changes.items()}})

    return make


@pytest.fixture
def small_trial(small_store: Store, small_config) -> Callable[..., Trial]:
    def make(**changes: object) -> Trial:
        return Trial(small_config(**changes), small_store, Workbench(CPU))

    return make


@pytest.fixture(scope="session")
def launch(tmp_path_factory: pytest.TempPathFactory) -> augment_cuda.Launch:
    """Runs the kernels for GPUs on the CPU, compiled as C++, with the same blocks, threads and arguments."""
    compiler = shutil.which("g++")
    if compiler is None:
        pytest.skip("no g++ in PATH to compile the kernels for the CPU")
    source, built = Path(__file__).with_name("emulate_cuda.cpp"), tmp_path_factory.mktemp("kernels") / "kernels.so"
    options = ["-std=c++17", "-O2", "-ffp-contract=off", "-shared", "-fPIC", f"-I{augment_cuda.SOURCE.parent}"]
    macros = [f"-D{macro}" for macro in augment_cuda.MACROS]
    subprocess.run([compiler, *options, *macros, str(source), "-o", str(built)], check=True)
    library = ctypes.CDLL(str(built))
    library.launch.restype = ctypes.c_bool

    def run(name, blocks, threads, arguments):
        kinds = "".join(argument._type_ for argument in arguments)
        if not library.launch(name.encode(), blocks, threads, kinds.encode(), augment_cuda.addresses(arguments)):
            raise TypeError(f"there is no kernel {name} that takes {kinds}")

    return run
