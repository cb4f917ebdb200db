"""Which device a trial runs on, and what it computes in there."""

from __future__ import annotations

import functools
import os
import platform
import re
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version

import torch

from common.errors import DeviceError
from common.wording import counted

V100 = (7, 0)
AMPERE = (8, 0)

CPU_ISA = "ONEDNN_MAX_CPU_ISA"
"""The newest instructions that oneDNN may use, an environment variable that it reads at its first operation."""
WITHOUT_AMX = "AVX512_CORE_BF16"

OUT_OF_MEMORY = (
    "out of memory",  # CUDA's own, as an AcceleratorError or a RuntimeError
    "ALLOC_FAILED",  # CUBLAS_STATUS_, CUDNN_STATUS_
    "ALLOCATION_FAILED",  # CUDNN_STATUS_INTERNAL_ERROR_HOST_, _DEVICE_
    "unable to find an engine",  # cuDNN, where every engine wants more workspace than there is
    "can't allocate memory",  # a CPU's allocator
)
"""What errors say that mean too little memory and are no torch.OutOfMemoryError."""


def choose(name: str = "auto", deterministic: bool = False) -> torch.device:
    """ "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N" -> the device, known to run this torch build.

    `deterministic`: from now on this process uses only operations that give the same bits every time, at a price.

    Raises:
        DeviceError: no such device, or one that this torch build has no kernels for.
    """
    # Some virtual machines lose the registers of AMX when processes take turns, and every library then computes NaN.
    os.environ.setdefault(CPU_ISA, WITHOUT_AMX)
    _be_deterministic(deterministic)
    wanted = name if name != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    if wanted == "cpu":
        return torch.device("cpu")
    if not re.fullmatch(r"cuda(:\d+)?", wanted):
        raise DeviceError(f"device: auto, cpu, cuda or cuda:N is needed, but got {name!r}")
    device = torch.device(wanted)
    count = torch.cuda.device_count()
    if (device.index or 0) >= count:
        raise DeviceError(
            f"device: {wanted} is wanted, but torch {torch.__version__} sees {counted(count, 'GPU')}; try cpu"
        )
    check_kernels(
        torch.cuda.get_device_name(device), torch.cuda.get_device_capability(device), torch.cuda.get_arch_list()
    )
    # Every step has the same shapes, so the search for the fastest convolution pays for itself. It may find another
    # one the next time.
    torch.backends.cudnn.benchmark = not deterministic
    return device


def _be_deterministic(yes: bool) -> None:
    """Switch on what torch needs to give the same bits again, or off.

    https://docs.pytorch.org/docs/stable/notes/randomness.html
    """
    if yes:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when cuBLAS starts
        # Nothing here reads memory that it has not written (the optimizer's begins as zeros): filling it would
        # only cost time.
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.use_deterministic_algorithms(yes)


def describe(device: torch.device, deterministic: bool = False) -> str:
    """Say in a line what the numbers of a trial depend on beside its configuration."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    how = "deterministic" if deterministic else "not deterministic"
    return (
        f"{name}, {amp_dtype(device)}".replace("torch.", "")
        + f", Python {platform.python_version()}, {_packages()}, {how}"
    )


@functools.cache
def _packages() -> str:
    return ", ".join(f"{package} {version(package)}" for package in ("torch", "torchvision", "numpy"))


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
    """Take bfloat16 where it multiplies matrices clearly faster than float32, found by trying, since no list of
    features tells: a Xeon with AVX-512 for bfloat16, but its AMX hidden by a virtual machine, is half as fast in it."""
    hopeless, clearly = 1 / 12, 1.25
    # A CPU without bfloat16 takes a hundred times as long for it, sixteen for a small product, which tells already.
    if _gain_of_bfloat16(128) < hopeless:
        return torch.float32
    return torch.bfloat16 if _gain_of_bfloat16(512) > clearly else torch.float32


def _gain_of_bfloat16(side: int) -> float:
    """How many times as fast as in float32 matrices of this many rows and columns are multiplied."""
    return _seconds_of_a_product(torch.float32, side) / _seconds_of_a_product(torch.bfloat16, side)


def _seconds_of_a_product(dtype: torch.dtype, side: int) -> float:
    """Time a product of two matrices: the best of nine, which other programs disturb least, or of fewer where they take
    long, but of two: torch gets ready at the first."""
    matrix = torch.ones(side, side, dtype=dtype)
    times: list[float] = []
    while len(times) < 2 or (len(times) < 9 and sum(times) < 0.1):
        began = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - began)
    return min(times)


def autocast(device: torch.device) -> torch.autocast:
    """Inside, torch computes in mixed precision with `amp_dtype`; it is off where that is float32."""
    dtype = amp_dtype(device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the error says that the device has too little memory: half of the work may then fit."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in OUT_OF_MEMORY)


def make_room(error: BaseException, device: torch.device) -> None:
    """Free what the attempt that ended in `error` had allocated, for one that needs less."""
    # Its tensors live as long as the frames that its traceback keeps.
    traceback.clear_frames(error.__traceback__)
    free_cache(device)


def free_cache(device: torch.device) -> None:
    """Give memory that torch only keeps for later back to the GPU, where other processes can have it."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def forget_peak(device: torch.device) -> None:
    """Measure anew, from here on, the most memory that tensors take on a GPU."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak(device: torch.device) -> dict[str, float]:
    """Tell the most that tensors took on a GPU since `forget_peak`, in gigabytes; nothing of a CPU."""
    return {"gpu_memory_gb": torch.cuda.max_memory_allocated(device) / 1e9} if device.type == "cuda" else {}


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Inside, torch's global generators of the CPU and of `device` start from `seed`; afterwards they go on as if
    nothing had been drawn. Those of other devices are left alone, which torch.manual_seed would seed too."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield


@contextmanager
def no_search(yes: bool) -> Iterator[None]:
    """Inside, if `yes`, cuDNN does not look for the fastest convolutions: for shapes that come once an epoch."""
    before = torch.backends.cudnn.benchmark
    try:
        torch.backends.cudnn.benchmark = before and not yes
        yield
    finally:
        torch.backends.cudnn.benchmark = before
