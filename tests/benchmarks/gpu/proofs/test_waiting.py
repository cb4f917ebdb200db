from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.gpu.part import Setting
from benchmarks.gpu.proofs import (
    waiting,
)
from tests.benchmarks.gpu.proofs.judging import judged
from trainable.loop import Trial


def events(*names: str) -> list[Any]:
    return [SimpleNamespace(name=name) for name in ("cudaLaunchKernel", "cuLaunchKernelEx", "aten::add", *names)]


def test_waits_are_the_calls_that_block_and_the_copies_from_memory_that_is_not_locked() -> None:
    found = waiting.waits(
        events(
            "cudaMemcpyAsync",
            "cudaStreamSynchronize",
            "Memcpy HtoD (Pinned -> Device)",
            "Memcpy HtoD (Pageable -> Device)",
        )
    )
    assert found == {"cudaStreamSynchronize": 1, "Memcpy HtoD (Pageable -> Device)": 1, waiting.LAUNCH: 2}


@pytest.mark.usefixtures("single")
@pytest.mark.parametrize(("a_batch", "right"), [(0, True), (1, False)])
def test_waits_that_grow_with_the_batches_are_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, a_batch: int, right: bool
) -> None:
    def profiled(trial: Trial, steps: int) -> list[Any]:
        return events(*["cudaStreamSynchronize"] * (2 + a_batch * steps))

    monkeypatch.setattr(waiting, "BATCHES", 2)
    monkeypatch.setattr(waiting, "_profiled", profiled)
    monkeypatch.setattr(waiting, "_complaints", lambda trial, steps: 1)
    names = ("no waiting, Streamed, float32", "no waiting, Resident, float32")
    assert judged(waiting._of_feeds(setting, "float32")) == dict.fromkeys(names, right)


def test_what_torch_itself_complains_of_counts() -> None:
    few, many = (Counter({waiting.COMPLAINT: n}) for n in (6, 12))
    assert waiting.finding("", few, many).right is False
    assert waiting.finding("", few, few).right is True


def test_kernels_are_launched_for_every_batch_and_a_profile_without_any_is_named() -> None:
    none, few, many = (Counter({waiting.LAUNCH: n}) for n in (0, 100, 200))
    assert waiting.finding("", few, many).right is True
    assert "the profiler saw no call" not in waiting.finding("", few, many).said
    assert "the profiler saw no call" in waiting.finding("", none, none).said


def test_waiting_needs_a_gpu(setting: Setting) -> None:
    assert judged(waiting.no_waiting(setting)) == {"no waiting": None}
