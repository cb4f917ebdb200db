"""Small trials that train in about a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from data_prep.store.store import Store
from tests.helpers.small_networks import small_networks
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.workbench import Workbench

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _in_one_thread(one_thread: None) -> None:
    """Every test here trains small networks."""


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials here are about everything but the network."""
    small_networks(monkeypatch)


@pytest.fixture
def small_config() -> Callable[..., TrialConfig]:
    """A from-scratch network for the small store; settings by flat key as keyword `group__name` or in a dict."""

    def make(**changes: object) -> TrialConfig:
        flat = {
            "model/arch": "resnet18",
            "model/weights": "none",
            "optimizer/name": "adamw",
            "schedule/max_lr": 3e-3,
            "schedule/warmup": 1,
            "train/batch_size": 64,
            "train/epochs": 4,
        }
        return TrialConfig.from_flat({**flat, **{key.replace("__", "/", 1): value for key, value in changes.items()}})

    return make


@pytest.fixture
def small_trial(small_store: Store, small_config) -> Callable[..., Trial]:
    def make(**changes: object) -> Trial:
        return Trial(small_config(**changes), small_store, Workbench(CPU))

    return make
