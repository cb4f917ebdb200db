"""Three kernels (augment.cu) do on an NVIDIA GPU what `augment` says, where torch's operators would launch a hundred.

NVRTC compiles them for the very GPU when a process first needs them, in a third of a second. It is reached through
NVIDIA's cuda.bindings; both come with torch, from 2.10 on. Where they are missing or fail, `why_not` says so.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]
Argument = Tensor | int | float
Box = ctypes.c_void_p | ctypes.c_int | ctypes.c_float

Launch = Callable[[str, int, int, Sequence[Box]], None]
"""It runs a kernel, given its name, how many blocks, the threads of each, and the kernel's arguments as C has them."""

SOURCE = Path(__file__).with_name("augment.cu")
KERNELS = ("place", "tone", "recolour")
BLOCKS, THREADS = 64, 256
"""So many blocks share a photo's pixels, each of so many threads."""
MACROS = (f"BLOCKS={BLOCKS}", f"THREADS={THREADS}")
CONTRAST = 3
"""The row that it has in the parameters."""


def apply(
    photos: Tensor, params: Tensor, crop: Size, size: Size, scale: Sequence[float], shift: Sequence[float]
) -> Tensor:
    """The kernels make of photos what the model sees, as `augment.apply` says; nothing waits for the GPU.

    Args:
        photos: uint8 [n, H, W, 3] on a GPU that `why_not` has nothing against.
        params: float32 [6, n] on the CPU, the rows in the order of `params.Params`.
        crop, size: (height, width) before and after the resize.
        scale, shift: three values each, the normalization as colour * scale + shift.

    Returns:
        float32 [n, 3, height, width] in channels_last memory, on the photos' device.

    Raises:
        RuntimeError: a kernel could not be launched, or there is too little memory (`device.is_out_of_memory`).
    """
    kernels = _loaded(photos.get_device())
    assert isinstance(kernels, Mapping), kernels
    with torch.cuda.device(photos.device):
        return run(functools.partial(_launch, kernels), photos, params, crop, size, scale, shift)


def why_not(device: torch.device) -> str | None:
    """Say in words why the kernels cannot be used on a CUDA device; None where they can. The first call compiles."""
    found = _loaded(torch.cuda.current_device() if device.index is None else device.index)
    return found if isinstance(found, str) else None


def run(
    launch: Launch,
    photos: Tensor,
    params: Tensor,
    crop: Size,
    size: Size,
    scale: Sequence[float],
    shift: Sequence[float],
) -> Tensor:
    """This is `apply` on whichever device `launch` runs kernels on."""
    n, *photo, _ = photos.shape
    out = torch.empty((n, *size, 3), device=photos.device)
    if n == 0:
        return out.permute(0, 3, 1, 2)
    kernel = functools.partial(_call, launch, n)
    # This copy also makes the device's context the calling thread's, which the driver's own launches do not.
    there = _uploaded(params.T, photos.device)
    images = torch.empty((n, 3, *crop), device=photos.device)
    kernel("place", photos.contiguous(), there, images, *photo, *crop)
    if size != crop:
        images = F.interpolate(images, size=size, mode="bilinear", antialias=True, align_corners=False).contiguous()
    pixels, totals = size[0] * size[1], there  # where no photo's contrast changes, totals are not read
    if bool((params[CONTRAST] != 1).any()):
        sums = torch.empty((n, BLOCKS * THREADS), device=photos.device)
        kernel("tone", images, there, sums, pixels)
        totals = sums.sum(dim=1)
    kernel("recolour", images, there, totals, out, pixels, *map(float, (*scale, *shift)))
    return out.permute(0, 3, 1, 2)


def addresses(arguments: Sequence[Box]) -> ctypes.Array[ctypes.c_void_p]:
    """cuLaunchKernel reads these addresses of a kernel's arguments, which must live as long."""
    return (ctypes.c_void_p * len(arguments))(*map(ctypes.addressof, arguments))


def compiled(architecture: str) -> tuple[bytes, str]:
    """NVRTC compiles the kernels for one kind of GPU, "sm_70" say, to a cubin; the text is what it warns of.

    Raises:
        ImportError, RuntimeError: there is no NVRTC, or none that can compile for it.
    """
    from cuda.bindings import nvrtc

    options = [f"--gpu-architecture={architecture}", "--fmad=false", *(f"-D{macro}" for macro in MACROS)]
    program = _checked(nvrtc.nvrtcCreateProgram(SOURCE.read_bytes(), SOURCE.name.encode(), 0, [], []))
    result = nvrtc.nvrtcCompileProgram(program, len(options), [option.encode() for option in options])
    said = _text(program, nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog).decode().strip("\0\n ")
    _checked(result, said)
    return _text(program, nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN), said


@functools.cache
def _loaded(index: int) -> Mapping[str, Any] | str:
    """Load the kernels on a GPU, by name; or say why there are none."""
    try:
        return _load(torch.device("cuda", index))
    # cuda.bindings, NVRTC and the driver may each be missing, or not fit the others, with errors of their own.
    except Exception as error:
        return " ".join(str(error).split())[:200] or type(error).__name__


def _load(device: torch.device) -> Mapping[str, Any]:
    from cuda.bindings import driver

    cubin, _ = compiled("sm_{}{}".format(*torch.cuda.get_device_capability(device)))
    with torch.cuda.device(device):
        torch.zeros(1, device=device)  # makes the context that the module is loaded into
        module = _checked(driver.cuModuleLoadData(cubin))
        kernels = {name: _checked(driver.cuModuleGetFunction(module, name.encode())) for name in KERNELS}
        _try_out(functools.partial(_launch, kernels), device)
    return kernels


def _try_out(launch: Launch, device: torch.device) -> None:
    """A white photo that is darkened is grey, whatever is then done to its other colours.

    It is darkened twice, since memory that no kernel wrote to may still hold what the first time left there.

    Raises:
        RuntimeError: it is not, or a kernel did not run.
    """
    white = torch.full((1, 9, 7, 3), 255, dtype=torch.uint8, device=device)
    for brightness in (0.5, 0.25):
        params = torch.tensor([[180.0], [1.0], [brightness], [0.5], [0.5], [0.25]])
        grey = run(launch, white, params, (9, 7), (9, 7), (1, 1, 1), (0, 0, 0))
        if not torch.allclose(grey, torch.full_like(grey, brightness), atol=1e-4):
            raise RuntimeError("its kernels were tried out and gave wrong colours")


def _launch(kernels: Mapping[str, Any], name: str, blocks: int, threads: int, arguments: Sequence[Box]) -> None:
    """It is a `Launch` on torch's current stream of the current GPU."""
    from cuda.bindings import driver

    pointers, stream = addresses(arguments), torch.cuda.current_stream().cuda_stream
    size = (blocks, 1, 1, threads, 1, 1)
    _checked(driver.cuLaunchKernel(kernels[name], *size, 0, stream, ctypes.addressof(pointers), 0), name)


def _call(launch: Launch, n: int, name: str, *arguments: Argument) -> None:
    launch(name, n * BLOCKS, THREADS, [_boxed(argument) for argument in arguments])


def _boxed(argument: Argument) -> Box:
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    return ctypes.c_float(argument) if isinstance(argument, float) else ctypes.c_int(argument)


def _uploaded(params: Tensor, device: torch.device) -> Tensor:
    rows = params.contiguous()
    return (rows.pin_memory() if device.type == "cuda" else rows).to(device, non_blocking=True)


def _text(program: Any, size: Callable[..., Any], get: Callable[..., Any]) -> bytes:
    text = bytearray(_checked(size(program)))
    _checked(get(program, text))
    return bytes(text)


def _checked(result: Sequence[Any], said: str = "") -> Any:
    """A function of cuda.bindings returns its status first; the value beside it is what is wanted.

    Raises:
        RuntimeError: it failed.
    """
    status, *values = result
    if int(status):
        raise RuntimeError(f"{status.name} {said}".strip())
    return values[0] if values else None
