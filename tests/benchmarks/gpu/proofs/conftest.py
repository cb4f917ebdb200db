"""The proofs hold on a CPU as far as there is anything to prove there, and each of them can fail."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs.trials import computing_in
from data_prep.store.store import Store
from tests.helpers.small_networks import small_networks


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    small_networks(monkeypatch)


@pytest.fixture
def setting(small_store: Store) -> Setting:
    return Setting("cpu", small_store.path, "resnet18", batch=8, crop=200, steps=12, trials=3, rounds=1)


@pytest.fixture
def single() -> Iterator[None]:
    """float32, which a CPU computes small trials fastest in."""
    with computing_in(torch.float32):
        yield
