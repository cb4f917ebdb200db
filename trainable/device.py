"""Which device a trial runs on, and which 16-bit float it may use there."""

from __future__ import annotations

import re
from collections.abc import Sequence

import torch

from errors import DeviceError

V100 = (7, 0)
AMPERE = (8, 0)


def choose(name: str = "auto") -> torch.device:
    """ "auto" (a GPU if there is one), "cpu", "cuda" or "cuda:N" -> the device, known to run this torch build.

    Raises:
        DeviceError: no such device, or one that this torch build has no kernels for.
    """
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
    # Every step has the same shapes, so the search for the fastest convolution pays for itself.
    torch.backends.cudnn.benchmark = True
    return device


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
    """What autocast computes in: float16 below sm_80, bfloat16 from there on and on CPUs that compute in it.

    A CPU without AVX-512 would only imitate bfloat16, slower than float32: there it is float32, no autocast.
    """
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= AMPERE else torch.float16
    return torch.bfloat16 if "AVX512" in torch.backends.cpu.get_cpu_capability() else torch.float32


def autocast(device: torch.device) -> torch.autocast:
    """Mixed precision in `amp_dtype`; off where that is float32."""
    dtype = amp_dtype(device)
    return torch.autocast(device.type, dtype=dtype, enabled=dtype != torch.float32)
