"""A search of two trials that nobody trained, of different crops, with a choice; and photos to predict."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from common.files import write_json
from common.search_record import SearchRecord, State
from data_prep.store.store import Store
from ensemble.model.leaving import Leaving, leaving
from trainable.best import export_weights
from trainable.config import FRAME, Crop, Model, TrialConfig
from trainable.network.model import build

CROPS = {"trial-001": Crop(), "trial-003": Crop(480, 320, resize=1.4)}


@pytest.fixture(scope="session")
def search(smallest_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its first trial began from a file of the user's."""
    folder = tmp_path_factory.mktemp("runs") / "search"
    folder.mkdir()
    store = {"path": str(smallest_store.path), "hash": smallest_store.hash}
    SearchRecord(name="search", state=State.FINISHED, store=store, started="2026-01-01T00:00:00+00:00").write(folder)
    for seed, (name, crop) in enumerate(CROPS.items()):
        (folder / name).mkdir()
        config = TrialConfig(crop=crop, model=Model("resnet18", "/home/ada/secret.pt"))
        network = build(Model("resnet18", "none"), smallest_store.task.classes, seed)
        with torch.no_grad():
            network.fc.weight.mul_(20)  # so that it is sure of something
        about = {"epoch": 3, "val_f1": 0.5, "store_hash": smallest_store.hash, "crop_frame": list(FRAME)}
        export_weights(folder / name / "best.safetensors", config, network.state_dict(), about)
    choice = {
        "members": [{"name": name, "val_f1": 0.5} for name in CROPS],
        "views": [{"angle": 0.0, "flip": False}, {"angle": 0.0, "flip": True}, {"angle": 6.0, "flip": False}],
        "val": {"best_single": 0.5, "vote": 0.55},
    }
    write_json(folder / "ensemble.json", choice)
    return folder


@pytest.fixture(scope="session")
def taken(search: Path) -> Leaving:
    return leaving(search, None)


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven drawn photos of several sizes, and one that is none."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for number, (height, width) in enumerate([(32, 24), (64, 48), (48, 64), (512, 384), (31, 77), (40, 30), (24, 24)]):
        pixels = rng.integers(0, 256, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    return folder
