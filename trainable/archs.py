"""This table names the networks of torchvision that a trial can train, and what others need to know of each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Arch:
    """A network of torchvision.

    Attributes:
        head: the name of its final layer.
        gigabytes: what its weights take on a disk, in float32 and with 18 outputs (1 GB is 1e9 bytes).
    """

    head: str
    gigabytes: float


ARCHS = {
    "resnet50": Arch("fc", 0.095),
    "resnet18": Arch("fc", 0.045),
    "resnext50_32x4d": Arch("fc", 0.093),
    "efficientnet_b4": Arch("classifier.1", 0.071),
    "convnext_tiny": Arch("classifier.2", 0.112),
}
