"""A member as an ONNX file: uint8 photos in, probabilities out, so that a program without PyTorch can ask it.

What a member does to a photo before its network is inside: crop, resize, colours. Cropping and resizing are linear, and
both sides of a photo by themselves, so that two products of matrices are the very resize of validation.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from common.errors import ModelError, OptionError
from common.wording import counted
from data_prep.store.store import Store
from trainable.best import load_best
from trainable.network import model
from trainable.photos.preprocessing import Preprocessing, Size
from trainable.photos.views import View, look
from trainable.predict import Probabilities

OPSET = 17
"""The first with layer normalization, which convnext has."""

MOST = 1e-3
"""How far a probability may be from PyTorch's."""

CPU = torch.device("cpu")


class WholeMember(nn.Module):
    """It makes probabilities of photos: uint8 [n, height, width, 3] -> float32 [n, classes], the plain view's.

    Args:
        networks: on the CPU, as torchvision builds them: what makes them quicker here need not be known there. Their
            probabilities are averaged.
        size: (height, width) of the photos.
    """

    down: Tensor
    across: Tensor
    mean: Tensor
    std: Tensor

    def __init__(self, networks: list[nn.Module], preprocessing: Preprocessing, size: Size) -> None:
        super().__init__()
        self.networks = nn.ModuleList(networks)
        self.crop = preprocessing.crop
        self.top, self.left = ((whole - part) // 2 for whole, part in zip(size, self.crop, strict=True))
        down, across = (_resizing(*sides) for sides in zip(self.crop, preprocessing.size, strict=True))
        self.register_buffer("down", down)
        self.register_buffer("across", across.T.contiguous())
        for name, values in (("mean", preprocessing.mean), ("std", preprocessing.std)):
            self.register_buffer(name, torch.tensor(values)[:, None, None])

    @classmethod
    def of(cls, files: Sequence[Path], preprocessing: Preprocessing, store: Store) -> WholeMember:
        """Build a member anew of its weights' files."""
        networks = []
        for file in files:
            config, weights, _ = load_best(file)
            networks.append(model.build(replace(config.model, weights="none"), store.task.classes))
            networks[-1].load_state_dict(weights)
        return cls(networks, preprocessing, store.size).eval()

    def forward(self, photos: Tensor) -> Tensor:
        height, width = self.crop
        inside = photos[:, self.top : self.top + height, self.left : self.left + width]
        image = self.down @ (inside.permute(0, 3, 1, 2).float() / 255) @ self.across
        image = (image - self.mean) / self.std
        return torch.stack([network(image).softmax(dim=1) for network in self.networks]).mean(dim=0)


def _resizing(here: int, there: int) -> Tensor:
    """Make the matrix [there, here] that resizes a side as validation does, bilinear and antialiased."""
    each = torch.eye(here)[None, None]
    return F.interpolate(each, size=(there, here), mode="bilinear", antialias=True, align_corners=False)[0, 0]


def require_onnx() -> None:
    """Raises OptionError: what writes and checks ONNX files is missing."""
    for package in ("onnx", "onnxruntime"):
        try:
            import_module(package)
        except ImportError:
            raise OptionError(f"--onnx: the package {package} is needed: pip install {package}") from None


def write_onnx(member: WholeMember, photos: npt.NDArray[np.uint8], file: Path) -> None:
    """Write the member; `photos` are two or more, of which only the size matters.

    Raises:
        ModelError: torch does not know how to write the network.
    """
    try:
        with warnings.catch_warnings():
            # dynamo=True, which torch recommends, needs onnxscript as well.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                member,
                (torch.from_numpy(photos[:2]),),
                str(file),
                dynamo=False,
                opset_version=OPSET,
                input_names=["photos"],
                output_names=["probabilities"],
                dynamic_axes={"photos": {0: "n"}, "probabilities": {0: "n"}},
            )
    except RuntimeError as error:  # of which torch.onnx makes its own
        why = str(error).splitlines()[0][:120]
        raise ModelError(f"--onnx: torch cannot write {file.name} ({why}); leave --onnx out") from None


def check_onnx(file: Path, member: WholeMember, preprocessing: Preprocessing, photos: npt.NDArray[np.uint8]) -> float:
    """Find the largest difference of a probability between the file and PyTorch in float32, on these photos.

    Raises:
        ModelError: it is above MOST.
    """
    import onnxruntime

    session: Any = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    [found] = session.run(None, {"photos": photos})
    difference = float(np.abs(found - _by_validation(member, preprocessing, photos)).max())
    if not difference <= MOST:
        raise ModelError(
            f"--onnx: {file.name} is {difference:.2g} from PyTorch on {counted(len(photos), 'photo')}, and {MOST:g} is "
            "allowed; leave --onnx out"
        )
    return difference


@torch.inference_mode()
def _by_validation(member: WholeMember, preprocessing: Preprocessing, photos: npt.NDArray[np.uint8]) -> Probabilities:
    """Predict through validation's own preprocessing: what is inside the file is checked with the rest."""
    images = look(torch.from_numpy(photos), View(), preprocessing, CPU)
    votes = [network(images).softmax(dim=1) for network in member.networks]
    return np.asarray(torch.stack(votes).mean(dim=0).numpy())
