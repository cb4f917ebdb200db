"""The network of a trial: one of torchvision's with an output a class, and where its first weights come from."""

from __future__ import annotations

import functools
import re
import socket
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlparse

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from common.errors import WeightsError
from data_prep.task import REFERENCE
from trainable.archs import ARCHS
from trainable.config import Model
from trainable.device import seeded
from trainable.network import pointwise

DOWNLOAD_TIMEOUT = 30.0
"""Seconds without a byte before a download counts as failed."""

_BEFORE_NAMES = re.compile(r"^((module|_orig_mod)\.)+")
_IN_CHECKPOINTS = ("state_dict", "model_state_dict", "model")

GO_ON = "or name a file of weights with --weights FILE, or start from scratch with --weights none"


def build(config: Model, classes: int = REFERENCE.classes, seed: int = 0) -> nn.Module:
    """Make a fresh model on the CPU. `seed` decides every weight that is not loaded; global random state stays as it
    was.

    Weights whose final layer is of another size (ImageNet's 1,000 classes) keep all but that layer.

    Raises:
        WeightsError: the weights cannot be fetched or read, or are not of this arch.
    """
    from torchvision.models import get_model  # brings torch._dynamo and sympy: 4 s that who builds none need not wait

    with seeded(seed, torch.device("cpu")):
        model: nn.Module = get_model(config.arch, weights=None, num_classes=classes)
    if config.weights != "none":
        file = imagenet_file(config.arch) if config.weights == "imagenet" else Path(config.weights)
        _load(model, _read_once(file, _when(file)), file, config.arch)
    return model


def place(model: nn.Module, device: torch.device) -> nn.Module:
    """Move the model to `device` in channels_last memory, the layout that tensor cores and oneDNN compute in.

    On a CPU its 1x1 convolutions are replaced (`pointwise`).
    """
    if device.type == "cpu":
        pointwise.replace(model)
    return model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]


def read_weights(file: Path) -> dict[str, Tensor]:
    """Read a state dict from a .safetensors, .pt or .pth file, or from a training's checkpoint in one; nothing but
    tensors, numbers and texts is unpickled. What DataParallel and torch.compile put before every name is taken off.

    Raises:
        WeightsError: the file is missing, damaged, or holds something else.
    """
    if not file.is_file():
        raise WeightsError(f"{file}: no such file of weights; name one with --weights FILE, or --weights none")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pickles that are then refused
            safe = file.suffix == ".safetensors"
            weights = load_file(file) if safe else torch.load(file, map_location="cpu", weights_only=True)
    # torch.load fails with whatever its unpickler met: EOFError, KeyError, RuntimeError, UnpicklingError...
    except (SafetensorError, Exception) as error:
        raise WeightsError(f"{file}: cannot be read as weights ({_reason(error)}); {_advice(file)}") from None
    if isinstance(weights, Mapping):
        weights = next((weights[key] for key in _IN_CHECKPOINTS if isinstance(weights.get(key), Mapping)), weights)
    if not isinstance(weights, Mapping) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise WeightsError(f"{file}: a state dict of tensors is needed, but it holds something else; {GO_ON[3:]}")
    return {_BEFORE_NAMES.sub("", str(name)): value for name, value in weights.items()}


def _reason(error: Exception) -> str:
    if code := re.search(r"GLOBAL (\S+)", str(error)):
        return f"it holds more than tensors, {code[1]}, which would be run as code: save model.state_dict() instead"
    if type(error).__name__ == "UnpicklingError":
        return "torch.save has not written it"
    line = next(iter(str(error).splitlines()), "") or type(error).__name__
    return re.sub(r"\x1b\[[0-9;]*m", "", line)[:120]


def _advice(file: Path) -> str:
    """A file that was fetched is fetched again; what a user named is not ours to remove."""
    return f"delete it, {GO_ON}" if file.parent == _hub() else GO_ON[3:]


@functools.lru_cache(maxsize=1)
def _read_once(file: Path, when: int) -> dict[str, Tensor]:
    """`read_weights`, once a process for all trials that start from one file, as it was at `when`."""
    return read_weights(file)


def _when(file: Path) -> int:
    return file.stat().st_mtime_ns if file.is_file() else 0


def _load(model: nn.Module, weights: dict[str, Tensor], file: Path, arch: str) -> None:
    own = model.state_dict()
    # Before PyTorch 0.4.1 nobody counted batches, and nothing but a momentum of None asks for the count.
    weights = {name: own[name] for name in own if name.endswith(".num_batches_tracked")} | weights
    head = {name for name in own if name.startswith(f"{ARCHS[arch].head}.")}
    if any(name not in weights or weights[name].shape != own[name].shape for name in head):
        weights = {name: value for name, value in weights.items() if name not in head} | {n: own[n] for n in head}
    odd = weights.keys() ^ own.keys() or {name for name in own if weights[name].shape != own[name].shape}
    if odd:
        raise WeightsError(f"{file}: not weights of a {arch}: {min(odd)} does not match; {GO_ON[3:]}")
    model.load_state_dict(weights)


def imagenet_file(arch: str) -> Path:
    """Find torchvision's IMAGENET1K_V1 weights in torch hub's cache, fetched when they are not there yet.

    Raises:
        WeightsError: they cannot be fetched.
    """
    from torchvision.models import get_model_weights

    url = get_model_weights(arch)["IMAGENET1K_V1"].url
    name = Path(urlparse(url).path).name
    file = _hub() / name
    if not file.is_file():
        _fetch(url, file)
    return file


def _hub() -> Path:
    return Path(torch.hub.get_dir(), "checkpoints")


def _fetch(url: str, file: Path) -> None:
    """Download a file whose name carries the first digits of its SHA-256, which torch.hub checks.

    Raises:
        WeightsError: it could not be fetched.
    """
    digits = re.search(r"-([0-9a-f]{8,})\.", file.name)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with _timeout(DOWNLOAD_TIMEOUT):
            torch.hub.download_url_to_file(url, str(file), digits.group(1) if digits else None, progress=False)
    # URLError, timeouts and a full disk are OSErrors; a wrong hash is a RuntimeError; http.client adds its own.
    except Exception as error:
        raise WeightsError(f"{url} could not be fetched ({error}): put that file at {file}, {GO_ON}") from None


@contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
