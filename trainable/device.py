"""Which device a trial runs on, and what it computes in there."""

from __future__ import annotations

import functools
import os
import platform
import re
import time
from collections.abc import Sequence
from importlib.metadata import version

import torch

from errors import DeviceError

V100 = (7, 0)
AMPERE = (8, 0)


def choose(name: str = "auto", deterministic: bool = False) -> torch.device:
    """ "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N" -> the device, known to run this torch build.

    `deterministic`: from now on this process uses only operations that give the same bits every time, at a price.

    Raises:
        DeviceError: no such device, or one that this torch build has no kernels for.
    """
    _be_deterministic(deterministic)
    wanted = name if name != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return torch.device("cpu")
    if not re.fullmatch(r"cuda(:\d+)?", wanted):
        raise DeviceError(f"device: auto, cpu, cuda or cuda:N is needed, but got {name!r}")
    device = torch.device(wanted)
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        raise DeviceError(f"device: {wanted} is wanted, but torch {torch.__version__} sees {count} GPUs; try cpu")
    check_kernels(
        torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device), torch.cuda.get_arch_list()
    )
    # Every step has the same shapes, so the search for the fastest convolution pays for itself. It may find another
    # one the next time.
    torch.backends.cudnn.benchmark = not deterministic
    return device


def _be_deterministic(yes: bool) -> None:
    """https://docs.pytorch.org/docs/stable/notes/randomness.html"""
    if yes:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
        # Nothing here reads memory that it has not written: filling it would only cost time.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(yes)


def describe(device: torch.device, deterministic: bool = False) -> str:
    """What the numbers of a trial depend on beside its configuration, in a line."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    packages = ", ".join(f"{package} {version(package)}" for package in ("torch", "torchvision", "numpy"))
    how = "deterministic" if deterministic else "not deterministic"
    return (
        f"{name}, {amp_dtype(device)}".replace("torch.", "")
        + f", Python {platform.python_version()}, {packages}, {how}"
    )


def check_kernels(name: str, capability: tuple[int, int], arch_list: Sequence[str]) -> None:
    """Refuse a GPU now instead of with a CUDA error at the first kernel.

    Args:
        name: the GPU's name, for the message.
        capability: compute capability, (7, 0) for a V100.
        arch_list: what torch was built for, as `torch.cuda.get_arch_list()` gives it: sm_70, sm_90a, compute_90.

    Raises:
        DeviceError: neither a binary (same major version, minor not above) nor PTX (any version not above) fits.
    """
    built = [match.groups() for arch in arch_list if (match := re.fullmatch(r"(sm|compute)_(\d+)(\d)[af]?", arch))]
    for kind, major, minor in built:
        version = (int(major), int(minor))
        same_major = version[0] == capability[0]
        if version <= capability and (same_major or kind == "compute"):
            return
    # 2.8 to 2.10 are the last that were built for Volta; for a newer GPU a newer torch is the cure.
    cure = "torch>=2.8,<2.11" if capability == V100 else "a torch build for it (https://pytorch.org/get-started)"
    raise DeviceError(
        f"{name}: sm_{capability[0]}{capability[1]} is not among the GPUs that torch {torch.__version__} was built "
        f"for ({' '.join(arch_list) or 'none'}); install {cure}, or use the CPU"
    )


def amp_dtype(device: torch.device) -> torch.dtype:
    """What autocast computes in: float16 below sm_80, bfloat16 from there on, on a CPU what it computes faster in."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= AMPERE else torch.float16
    return _faster_on_this_cpu()


@functools.cache
def _faster_on_this_cpu() -> torch.dtype:
    """bfloat16 where it multiplies matrices clearly faster than float32, found by trying, since no list of features
    tells: a Xeon with AVX-512 for bfloat16, but its AMX hidden by a virtual machine, is half as fast in it."""
    clearly = 1.25
    gain = _seconds_of_a_product(torch.float32) / _seconds_of_a_product(torch.bfloat16)
    return torch.bfloat16 if gain > clearly else torch.float32


def _seconds_of_a_product(dtype: torch.dtype) -> float:
    """The best of nine, which other programs disturb least."""
    matrix = torch.ones(512, 512, dtype=dtype)
    times = []
    for _ in range(9):
        began = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - began)
    return min(times)


def autocast(device: torch.device) -> torch.autocast:
    """Mixed precision in `amp_dtype`; off where that is float32."""
    dtype = amp_dtype(device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)
