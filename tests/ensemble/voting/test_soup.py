"""Soups: the mean of weights, with statistics of batch norm of their own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from data_prep.store.store import Store
from ensemble.voting import soup
from ensemble.voting.soup import Kitchen
from tests.helpers.small_networks import small_networks
from trainable.config import Crop, TrialConfig
from trainable.loop import Trial
from trainable.photos.feed import Streamed
from trainable.photos.preprocessing import Preprocessing
from trainable.workbench import Workbench

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _small_and_alone(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> None:
    small_networks(monkeypatch)


def config(**changes: object) -> TrialConfig:
    small = {"model/arch": "resnet18", "model/weights": "none", "train/epochs": 1}
    return TrialConfig.from_flat({**small, **{key.replace("__", "/"): value for key, value in changes.items()}})


def test_weights_are_averaged_and_counts_are_the_first_ones() -> None:
    one = {"w": torch.tensor([1.0, 4.0]), "seen": torch.tensor(3)}
    other = {"w": torch.tensor([2.0, 0.0]), "seen": torch.tensor(9)}
    mixed = soup.mean([one, other])
    assert mixed["w"].tolist() == [1.5, 2.0] and mixed["w"].dtype == torch.float32
    assert mixed["seen"] == 3
    assert all(torch.equal(soup.mean([one])[name], one[name]) for name in one)


def test_a_mean_is_exact_where_single_precision_is_not() -> None:
    large = {"w": torch.tensor([1e8])}
    assert soup.mean([large, {"w": torch.tensor([1.0])}, {"w": torch.tensor([-1e8])}])["w"].item() == pytest.approx(
        1 / 3
    )


@pytest.mark.parametrize(
    "others", [[], [{"w": torch.zeros(3)}], [{"v": torch.zeros(2)}], [{"w": torch.zeros(2, dtype=torch.float64)}]]
)
def test_weights_of_different_networks_are_refused(others: list[dict[str, torch.Tensor]]) -> None:
    with pytest.raises(ValueError, match="mean: weights of one"):
        soup.mean([{"w": torch.zeros(2)}, *others] if others else [])


def test_only_networks_with_one_start_and_one_view_of_a_photo_may_be_mixed() -> None:
    assert soup.share_start(config(), config(loss__smoothing=0.1, labels__old_from=58, train__epochs=9))
    for other in (
        config(train__seed=7),
        config(model__arch="resnet50"),
        config(model__weights="imagenet"),
        config(crop__width=300),
        config(train__folds=3),
        config(train__refit=1),
    ):
        assert not soup.share_start(config(), other)


def test_statistics_of_batch_norm_are_those_of_trains_photos_as_validation_sees_them(smallest_store: Store) -> None:
    """Of a network that is batch norm alone, they are the photos' own mean and variance."""
    network = nn.Sequential(nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network[0].running_mean.fill_(9)
    seen_as = Preprocessing.of(Crop(512, 384), smallest_store)
    rows = smallest_store.rows("train")
    soup.refresh_batch_norm(network, Streamed(smallest_store, CPU), rows, seen_as)
    photos = smallest_store.read(rows) / 255
    normal = (photos - smallest_store.mean) / smallest_store.std
    assert network[0].running_mean.numpy() == pytest.approx(normal.mean(axis=(0, 1, 2)), abs=0.01)
    assert network[0].running_var.numpy() == pytest.approx(normal.var(axis=(0, 1, 2)), rel=0.01)
    assert network[0].momentum == 0.1 and not network.training
    assert [parameter.tolist() for parameter in network.parameters()] == [[1.0] * 3, [0.0] * 3]


def test_a_soup_of_one_is_that_network_and_of_two_their_mean(smallest_store: Store, tmp_path) -> None:
    bench, folders = Workbench(CPU), [tmp_path / "a", tmp_path / "b", tmp_path / "c"]
    for folder, rate, seed in zip(folders, (0.01, 0.001, 0.01), (42, 42, 7), strict=True):
        trial = Trial(config(schedule__max_lr=rate, train__seed=seed), smallest_store, bench)
        trial.run_epoch()
        trial.export_best(folder)
    kitchen = Kitchen(folders, smallest_store, CPU, most=3)
    assert kitchen.folders == folders[:2]  # the third began otherwise
    assert Kitchen(folders, smallest_store, CPU, most=1).folders == folders[:1]
    one, two = kitchen._weights
    mixed = kitchen.make((0, 1))
    learnt = [name for name, _ in kitchen._network.named_parameters()]
    assert learnt and all(torch.allclose(mixed[name], (one[name] + two[name]) / 2) for name in learnt)
    assert not torch.allclose(mixed["1.running_mean"], (one["1.running_mean"] + two["1.running_mean"]) / 2)
    again = kitchen.make((0, 1))
    assert all(torch.equal(mixed[name], again[name]) for name in mixed)
    val = smallest_store.labelled("val")
    told = kitchen.predict(mixed, val)
    assert told.shape == (len(val), 18) and told.sum(axis=1) == pytest.approx(np.ones(len(val)), abs=1e-5)
