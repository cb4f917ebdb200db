"""A search whose trials nobody trained, of different crops, from which an ensemble of all was chosen."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch

from common.search_record import SearchRecord, State
from data_prep.store.store import Store
from ensemble.selection.choice import Choice, Chosen, Step
from ensemble.selection.kept import Kept
from ensemble.selection.options import Options
from ensemble.voting.tta import views
from trainable.best import export_weights
from trainable.config import FRAME, Crop, Model, TrialConfig
from trainable.network import model

CROPS = {"trial-001": Crop(), "trial-003": Crop(480, 320, resize=1.4)}

SECRET = "/home/ada/secret.pt"
"""Where the trials' weights came from."""


def made_search(folder: Path, store: Store, crops: Mapping[str, Crop] = CROPS) -> Path:
    """Make it; networks are as `model.build` makes them."""
    folder.mkdir()
    of = {"path": str(store.path), "hash": store.hash}
    SearchRecord(name=folder.name, state=State.FINISHED, store=of, started="2026-01-01T00:00:00+00:00").write(folder)
    for seed, (name, crop) in enumerate(crops.items()):
        (folder / name).mkdir()
        config = TrialConfig(crop=crop, model=Model("resnet18", SECRET))
        network = model.build(Model("resnet18", "none"), store.task.classes, seed)
        with torch.no_grad():
            [*network.parameters()][-2].mul_(20)  # the last layer's weights, so that it is sure of something
        about = {"epoch": 3, "val_f1": 0.5, "store_hash": store.hash, "crop_frame": list(FRAME)}
        export_weights(folder / name / "best.safetensors", config, network.state_dict(), about)
    Kept().with_choice(_choice(folder, store, list(crops)), [folder], ended=True).write(folder)
    return folder


def moved_search(search: Path, folder: Path, store: Store) -> Path:
    """Copy a search to another folder, and have it been run on a store that lies elsewhere."""
    shutil.copytree(search, folder)
    of = {"path": str(store.path), "hash": store.hash}
    SearchRecord.read(folder).changed({"store": of}).write(folder)
    return folder


def _choice(folder: Path, store: Store, trials: list[str]) -> Choice:
    weights = [0.75, 0.25] if len(trials) == 2 else [1.0]
    members = [Chosen(name, (folder / name,), 0.5, weight) for name, weight in zip(trials, weights, strict=True)]
    return Choice(
        members=tuple(members),
        single=members[0],
        class_weights=None,
        views=views(3),
        options=Options(),
        steps=(
            Step("best single trial, trial-001", on_val=0.5, nested=0.48, gain=None, used=True),
            Step("vote of 2", on_val=0.631, nested=0.562, gain=None, used=True),
        ),
        candidates=5,
        store_hash=store.hash,
    )
