from __future__ import annotations

import numpy as np
import pytest

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    between,
)
from benchmarks.gpu.proofs.between import Held
from tests.benchmarks.gpu.proofs.judging import judged
from trainable.workbench import Workbench


@pytest.mark.usefixtures("single")
def test_memory_of_trials_one_after_the_other_does_not_grow(setting: Setting) -> None:
    assert judged(between.memory_between_trials(setting)) == {
        "GPU memory between trials": None,
        "memory between trials": True,
    }


@pytest.mark.usefixtures("single")
def test_memory_that_trials_leave_behind_is_found(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[np.ndarray] = []

    def keep(self: Workbench) -> None:
        left.append(np.ones(between._resident() // 80))  # 8 bytes each: a tenth of what there is

    monkeypatch.setattr(Workbench, "clear", keep)
    assert judged(between.memory_between_trials(setting))["memory between trials"] is False


def test_memory_that_stays_on_the_gpu_is_found() -> None:
    mb = 1_000_000
    kept = [Held(0, size * mb, 900 * mb) for size in (0, 500, 501, 504)]
    assert between._same(kept).right is True
    assert between._same([*kept, Held(0, 520 * mb, 900 * mb)]).right is False
    assert between._given_back(Held(0, 500 * mb, 900 * mb), Held(0, 500 * mb, 520 * mb)).right is True
    assert between._given_back(Held(0, 500 * mb, 900 * mb), Held(0, 500 * mb, 900 * mb)).right is False
