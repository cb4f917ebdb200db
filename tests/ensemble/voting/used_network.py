"""A network whose batch norms have seen photos: their numbers are not the first ones."""

from __future__ import annotations

import torch
from torch import nn

from trainable.config import Model
from trainable.device import seeded
from trainable.network.model import build


def used_network(arch: str) -> nn.Module:
    """Build a torchvision network in evaluation mode, from scratch."""
    network = build(Model(arch, "none")).eval()
    with seeded(0, torch.device("cpu")):
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.7, 1.4)
                nn.init.uniform_(module.weight, 0.7, 1.4)
                nn.init.uniform_(module.bias, -0.2, 0.2)
    return network
