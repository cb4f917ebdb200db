"""What the GPU check measures, on a CPU: the same code, so that a minute on a GPU is not spent on a typo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.gpu.part import Setting
from benchmarks.gpu.speed import PARTS, between, data, figures, limits, modes, photos
from data_prep.store.store import Store
from tests.helpers.small_networks import small_networks


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    small_networks(monkeypatch)


@pytest.fixture
def setting(small_store: Store, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(figures, "steps", lambda setting: 1)
    return Setting("cpu", small_store.path, "resnet18", batch=4, crop=200, steps=2, trials=2, rounds=1)


def names(found: object) -> list[str]:
    return [finding.name for finding in found]  # type: ignore[attr-defined]


def test_a_trial_is_compared_with_the_conventional_trainer_in_both_formats_and_a_constant_batch(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "STEADY", 1)
    monkeypatch.setattr(photos, "BOTH_FORMATS", 1)
    found = list(photos.Speed(cores=1)(setting))
    assert names(found) == [
        "trial",
        "constant batch",
        "conventional, NCHW",
        "conventional, channels_last",
        "trial against conventional, NCHW",
        "trial against conventional, channels_last",
        "trial against its constant batch",
    ]
    assert all(finding.values["median"] > 0 for finding in found)


def test_a_conventional_trainers_clock_starts_when_its_workers_have_caught_up() -> None:
    class Trainer:
        device = torch.device("cpu")

        def epoch(self, loader: object, after: object) -> int:
            for step in range(6):
                after(step)  # type: ignore[operator]
            return 60

    class Loader:
        batch_size = 10

    moments = iter([100.0, 102.0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photos.time, "perf_counter", lambda: next(moments))
        assert photos._steady(Trainer(), Loader(), lead=4) == 20 / 2


def test_the_data_path_is_a_share_of_a_step(setting: Setting) -> None:
    (found,) = data.run(setting)
    assert found.name == "photos streamed, augmented"
    assert 0 < found.values["median"] < 1


def test_turnover_is_told_with_the_same_crop_and_with_a_new_one(setting: Setting) -> None:
    assert names(between.run(setting)) == ["the same crop", "a crop not seen before"]


def test_turnover_is_timed_once_each_where_time_is_up(setting: Setting) -> None:
    found = list(between.run(replace(setting, rounds=3, seconds=0.0)))
    assert [finding.values["n"] for finding in found] == [1, 1]


def test_memory_is_told_by_crop_and_batch(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCHES", (2,))
    monkeypatch.setattr(limits, "CROPS", (1.0,))
    monkeypatch.setattr(limits, "STEPS", 1)
    (found,) = limits.memory(setting)
    assert found.name == "crop 200, batch 4"
    assert found.values["micro_batches"] == 1


def test_ten_kernels_are_named_with_their_share(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.trial_throughput.limit.SIZES", {"cpu": (64, 64)})
    monkeypatch.setattr("benchmarks.trial_throughput.limit.WORK", {"cpu": 1})
    share, *kernels = limits.kernels(setting)
    assert share.values["flop_per_photo"] > 0
    assert len(kernels) == 10
    assert 0 < sum(kernel.values["share"] for kernel in kernels) <= 1


def test_a_deterministic_epoch_is_compared_and_the_mode_is_left_again(setting: Setting) -> None:
    assert names(modes.deterministic(setting)) == ["deterministic", "deterministic against default"]
    assert not torch.are_deterministic_algorithms_enabled()


def test_cudnns_search_is_told_with_the_speed_that_it_brings(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(modes.TRIES, "2")
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark_limit", 10)
    assert names(modes.search(setting)) == ["later epochs", "a first epoch beyond them"]
    assert (torch.backends.cudnn.benchmark, torch.backends.cudnn.benchmark_limit) == (True, 2)


def test_compiling_is_left_out_with_its_reason_where_it_cannot_help(setting: Setting) -> None:
    (found,) = modes.compiled(setting)
    assert found.said.startswith("left out: on a CPU")


def test_compiled_epochs_are_compared_where_it_can(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("trainable.network.compiled", "trainable.workbench"):
        monkeypatch.setattr(f"{place}.why_not", lambda device: None)
    monkeypatch.setattr("torch.compile", lambda network, **how: network)
    assert names(modes.compiled(setting)) == ["compiling, with an epoch", "compiled", "compiled against eager"]


def test_figures_are_told_with_their_spread() -> None:
    assert figures.spread(np.array([998.2, 1012.4, 1020.0]), ".0f") == "1,012 (998 to 1,020, n = 3)"
    assert figures.spread(np.array([0.5]), ".2f") == "0.50 (n = 1)"
    assert figures.ratio("x", np.array([6.0]), np.array([2.0]), "3").said == "3 (n = 1) times as fast (goal: 3)"


def test_every_measurement_has_a_name_of_its_own() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)
