"""A search of two trials that nobody trained, of different crops, from which an ensemble was chosen."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from common.files import file_sha256, write_json
from common.search_record import SearchRecord, State
from data_prep.store.store import Store
from trainable.best import export_weights
from trainable.config import FRAME, Crop, Model, TrialConfig
from trainable.network.model import build

CROPS = {"trial-001": Crop(), "trial-003": Crop(480, 320, resize=1.4)}

SECRET = "/home/ada/secret.pt"
"""Where the trials' weights came from."""


def made_search(folder: Path, store: Store) -> Path:
    folder.mkdir()
    of = {"path": str(store.path), "hash": store.hash}
    SearchRecord(name=folder.name, state=State.FINISHED, store=of, started="2026-01-01T00:00:00+00:00").write(folder)
    for seed, (name, crop) in enumerate(CROPS.items()):
        (folder / name).mkdir()
        config = TrialConfig(crop=crop, model=Model("resnet18", SECRET))
        network = build(Model("resnet18", "none"), store.task.classes, seed)
        with torch.no_grad():
            network.fc.weight.mul_(20)  # so that it is sure of something
        about = {"epoch": 3, "val_f1": 0.5, "store_hash": store.hash, "crop_frame": list(FRAME)}
        export_weights(folder / name / "best.safetensors", config, network.state_dict(), about)
    write_json(folder / "ensemble.json", _choice(folder, store))
    return folder


def moved_search(search: Path, folder: Path, store: Store) -> Path:
    """Copy a search to another folder, and have it been run on a store that lies elsewhere."""
    shutil.copytree(search, folder)
    of = {"path": str(store.path), "hash": store.hash}
    SearchRecord.read(folder).changed({"store": of}).write(folder)
    return folder


def _choice(folder: Path, store: Store) -> dict[str, Any]:
    members = [_member(folder, name, weight) for name, weight in zip(CROPS, (0.75, 0.25), strict=True)]
    used = {"used": True, "gain": None}
    return {
        "format": 2,
        "made": "2026-01-01T00:00:00+00:00",
        "store_hash": store.hash,
        "other_searches": [],
        "searches_ended": True,
        "candidates": 5,
        "options": {},
        "members": members,
        "best_single": members[0] | {"weight": 1.0},
        "class_weights": None,
        "views": [{"angle": 0.0, "flip": False}, {"angle": 0.0, "flip": True}, {"angle": 6.0, "flip": False}],
        "val": [
            {"name": "best single trial, trial-001", "on_val": 0.5, "nested": 0.48, **used},
            {
                "name": "vote of 2",
                "on_val": 0.631,
                "nested": 0.562,
                "used": True,
                "gain": {"value": 0.08, "noise": 0.01},
            },
        ],
        "test_opened": 0,
        "test": None,
    }


def _member(folder: Path, name: str, weight: float) -> dict[str, Any]:
    models = [{"folder": name, "sha256": file_sha256(folder / name / "best.safetensors")}]
    return {"name": name, "folders": models, "val_f1": 0.5, "weight": weight, "temperature": 1.0}
