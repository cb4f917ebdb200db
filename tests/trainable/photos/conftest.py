"""The kernels for GPUs, for machines without one."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from trainable.photos import augment_cuda


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
