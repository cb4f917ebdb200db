from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import subject
from benchmarks.trial_throughput import conventional
from benchmarks.trial_throughput.conventional import DECODED, JPEG
from data_prep.store.store import Store
from trainable.photos import batches
from trainable.photos.preprocessing import crop_in_store

CPU = torch.device("cpu")


STILL = {f"augment/{name}": 0.0 for name in ("flip", "rotation", "brightness", "contrast", "saturation", "hue")}


@pytest.mark.parametrize(("source", "error"), [(DECODED, 1e-6), (JPEG, 40 / 255)])
def test_the_conventional_trainer_sees_the_crop_of_the_trial_normalized(
    small_store: Store, tmp_path: Path, source: str, error: float
) -> None:
    config = subject.config_for(small_store, "resnet18", **STILL)
    rows, classes = batches.training_set(config.labels, small_store)
    conventional.write_jpegs(small_store, rows[:3], tmp_path)
    image, label = conventional.dataset(config, small_store, source, tmp_path)[2]
    height, width = crop_in_store(config.crop, small_store)
    top, left = (32 - height) // 2, (24 - width) // 2
    photo = small_store.read(rows[2:3], top, left, height, width)[0]
    expected = (photo / 255 - small_store.mean) / small_store.std
    assert (image.shape, image.dtype, label) == ((3, height, width), torch.float32, classes[2])
    # Noise is what JPEG keeps worst: its mean error is bounded, not its largest.
    assert np.abs(image.permute(1, 2, 0).numpy() - expected).mean() <= error / small_store.std.min()


def test_jpeg_files_are_of_the_stored_size(small_store: Store, tmp_path: Path) -> None:
    conventional.write_jpegs(small_store, np.array([5]), tmp_path)
    with Image.open(conventional.jpeg(tmp_path, 5)) as photo:
        assert (photo.size, photo.format) == ((24, 32), "JPEG")


@pytest.mark.parametrize("item", [True, False])
def test_the_conventional_trainer_learns(small_store: Store, tmp_path: Path, item: bool) -> None:
    config = subject.config_for(small_store, "resnet18", **{"crop/height": 200, "crop/width": 200})
    store = subject.few(small_store, 35, config)
    trainer = conventional.Conventional(config, CPU, item)
    loader = conventional.loader(conventional.dataset(config, store, DECODED, tmp_path), 16, 0, CPU)
    assert trainer.epoch(loader) == 35
    first = trainer.mean_loss
    for _ in range(4):
        trainer.epoch(loader)
    assert trainer.mean_loss < first
