"""What is there: the card, its driver, torch, the CPU, and the packages that a search needs or would like."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks import measure
from benchmarks.gpu.part import Finding, Part, Setting
from common.errors import DeviceError
from common.machine import cpu_cores
from trainable import device

PACKAGES = ("torchvision", "numpy", "pandas", "ray", "optuna", "numba", "rembg", "onnxruntime", "onnxruntime-gpu")
GIB = 2**30


def look(setting: Setting) -> Iterator[Finding]:
    try:
        chosen = device.choose(setting.device)
    except DeviceError as error:
        yield from _card(torch.device(setting.device))
        yield from _torch()
        yield Finding("kernels", str(error), right=False)
        return
    yield from _card(chosen)
    yield from _torch()
    yield _first_kernel(chosen)
    yield _machine()
    yield _packages()
    yield _onnx_runtime()


def _card(chosen: torch.device) -> Iterator[Finding]:
    if chosen.type != "cuda":
        yield Finding("card", "none is used: --device cpu", values={"gpu": None})
        return
    card = torch.cuda.get_device_properties(chosen)
    capability, driver = f"sm_{card.major}{card.minor}", driver_version()
    memory = f"{card.total_memory / GIB:.1f} GiB"
    values = {"gpu": card.name, "capability": capability, "gpu_memory": memory, "driver": driver}
    others = torch.cuda.device_count() - 1
    more = f" (and {others} more, which are left alone)" if others else ""
    yield Finding("card", f"{card.name}, {capability}, {memory}, driver {driver}{more}", values=values)
    yield _memory(chosen)


def _memory(chosen: torch.device) -> Finding:
    """Read before this process has taken any but its context's."""
    free, total = torch.cuda.mem_get_info(chosen)
    said = f"{free / GIB:.1f} of {total / GIB:.1f} GiB are free"
    return Finding("memory", said, values={"gpu_free_gib": round(free / GIB, 2)})


def driver_version() -> str:
    """Find the driver's version as nvidia-smi says it, else the kernel module; "unknown" where neither does."""
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        said = subprocess.run(query, capture_output=True, text=True, timeout=20, check=True).stdout.split()
        return said[0]
    except (OSError, subprocess.SubprocessError, IndexError):
        pass
    try:
        module = Path("/proc/driver/nvidia/version").read_text()
    except OSError:
        return "unknown"
    found = re.search(r"\s(\d+\.\d+(\.\d+)?)\s", module)
    return found[1] if found else "unknown"


def _torch() -> Iterator[Finding]:
    cuda, cudnn = torch.version.cuda, _cudnn()
    built = torch.cuda.get_arch_list()
    values = {"torch": torch.__version__, "cuda": cuda, "cudnn": cudnn, "built_for": built}
    kernels = f", built for {' '.join(built)}" if built else ""  # torch does not say where it sees no GPU
    libraries = f", CUDA {cuda}, cuDNN {cudnn}{kernels}" if cuda else ", without CUDA"
    yield Finding("torch", f"{torch.__version__}{libraries}", values={**values, "python": platform.python_version()})


def _cudnn() -> str | None:
    """91002 -> "9.10.2", 8907 -> "8.9.7"."""
    number = torch.backends.cudnn.version()
    if number is None:
        return None
    major = 10_000 if number >= 90_000 else 1000
    return f"{number // major}.{number % major // 100}.{number % 100}"


def _first_kernel(chosen: torch.device) -> Finding:
    """A product of ones, in the type that trials compute in: it is exact."""
    dtype = device.amp_dtype(chosen)
    ones = torch.ones(256, 256, dtype=dtype, device=chosen)
    right = bool((ones @ ones == 256).all())
    name = str(dtype).removeprefix("torch.")
    said = f"trials compute in {name}" if right else f"a product of ones in {name} is wrong"
    return Finding("kernels", said, right, {"dtype": name})


def _machine() -> Finding:
    values = {"cpu": measure.cpu_name(), "cores": cpu_cores(), "memory_gib": _memory_of_the_machine()}
    memory = f", {values['memory_gib']} GiB" if values["memory_gib"] else ""
    load = f", load before {measure.LOAD:.1f}"
    said = f"{values['cpu']}, {values['cores']} cores{memory}, Python {platform.python_version()}{load}"
    return Finding("machine", said, values={**values, "load_before": round(measure.LOAD, 1)})


def _memory_of_the_machine() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB)
    except (ValueError, OSError, AttributeError):
        return None


def _packages() -> Finding:
    """Looked up, not imported: some take seconds, and threads that stay."""
    found = {name: _version(name) for name in PACKAGES}
    there = ", ".join(f"{name} {number}" for name, number in found.items() if number)
    missing = [name for name in PACKAGES if found[name] is None and not name.startswith("onnxruntime")]
    absent = f"; not there: {', '.join(missing)}" if missing else ""
    return Finding("packages", there + absent, values={"numpy": found["numpy"], "packages": found})


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _onnx_runtime() -> Finding:
    """Whether the removal of backgrounds could use the GPU: onnxruntime-gpu brings its provider along."""
    providers: list[str] = []
    try:
        import onnxruntime

        providers = onnxruntime.get_available_providers()
    except Exception as error:  # any: it is no part of a trial, and what there is of it may not fit this CUDA
        why: Any = "is not there" if isinstance(error, ModuleNotFoundError) else f"cannot be imported: {error}"
        return Finding("background removal", f"onnxruntime {why}", values={"onnx_gpu": False})
    gpu = "CUDAExecutionProvider" in providers
    said = "ONNX Runtime has a GPU provider" if gpu else "ONNX Runtime is of the CPU alone"
    return Finding("background removal", said, values={"onnx_gpu": gpu})


PART = Part("surroundings", "looks at what is there", 8, look)
