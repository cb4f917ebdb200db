"""A network that trains in a fraction of a second in the place of ResNet18, for tests of what is around it."""

from __future__ import annotations

import pytest
from torch import nn

from benchmarks.record_curves.small_resnet import small_resnet
from data_prep.task import REFERENCE
from ensemble.voting import member
from trainable.config import Model
from trainable.network import model


def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A "resnet18" from scratch has a fortieth of the weights; what asks for weights of a file gets the real one."""
    build = model.build

    def built(config: Model, classes: int = REFERENCE.classes, seed: int = 0) -> nn.Module:
        small = (config.arch, config.weights) == ("resnet18", "none")
        return small_resnet(classes, seed) if small else build(config, classes, seed)

    monkeypatch.setattr(model, "build", built)
    monkeypatch.setattr(member, "build", built)
