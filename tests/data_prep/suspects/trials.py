"""What trials of a search leave, whose networks see what a test plants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.store import store as stores
from data_prep.store.store import Store
from data_prep.suspects.evidence import gather
from data_prep.suspects.ranking import rank
from tests.helpers.relabelled import coloured

FOLDS = 4
SIZES = {"mask": 3, "gender": 2, "age": 3}

Plant = dict[tuple[str, int], int]
"""(field, row of the store) -> the value that networks see there, whatever the label says."""


def said(store: Store, rows: np.ndarray, plant: Plant, seed: int = 0) -> np.ndarray:
    """Softmax [n, 18] of a network that is right, about 0.97 sure and a little noisy, but for what is planted."""
    rng = np.random.default_rng(seed)
    truth = store.task.split(np.maximum(store.classes(), 0))
    parts = []
    for field, size in SIZES.items():
        value = np.array([plant.get((field, int(row)), truth[field][row]) for row in rows])
        part = np.exp(4 * np.eye(size)[value] + rng.normal(0, 0.5, (len(rows), size)))
        parts.append(part / part.sum(axis=1, keepdims=True))
    joint = parts[0][:, :, None, None] * parts[1][:, None, :, None] * parts[2][:, None, None, :]
    return joint.reshape(len(rows), 18).astype(np.float32)


def save(
    folder: Path, store: Store, rows: np.ndarray, plant: Plant | None = None, seed: int = 0, **changes: object
) -> None:
    """What a trial leaves."""
    folder.mkdir(parents=True)
    fields = {"probabilities": said(store, rows, plant or {}, seed), "rows": rows, "store_hash": store.hash}
    np.savez(folder / "val_predictions.npz", **{**fields, "epoch": 1, "val_f1": 0.5, **changes})


def describe(folder: Path, store: Store, **more: object) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    about = {"state": "finished", "store": {"path": str(store.path), "hash": store.hash}, "settings": {}, **more}
    (folder / "search.json").write_text(json.dumps(about))


def search(runs: Path, store: Store, plant: Plant | None = None, folds: int = FOLDS) -> Path:
    """runs/s with one trial, and its confirmation on folds."""
    describe(runs / "s", store)
    if len(val := store.rows("val")):
        save(runs / "s" / "trial-001", store, val, plant)
    if folds:
        describe(runs / "s" / "confirm", store, settings={"train/folds": folds})
        for fold in range(folds):
            rows = store.with_folds(folds, fold).labelled("val")
            save(runs / "s" / "confirm" / f"trial-{fold + 1:03d}", store, rows, plant, seed=fold)
    return runs / "s"


def ranked(runs: Path, store: Store, plant: Plant) -> pd.DataFrame:
    return rank(store, gather(search(runs, store, plant), store))


def rows_of(store: Store, person: str, mask: int | None = None) -> list[int]:
    theirs = np.flatnonzero(store.person == person)
    return [int(row) for row in theirs if mask is None or store.mask[row] == mask]


def unlabelled(folder: Path) -> Store:
    """24 people of three photos; of the first person nothing is known, of the second no mask."""
    people = [(f"p{number:02d}", ("male", "female")[number % 2], (20, 40, 61)[number % 3]) for number in range(24)]
    rows = [
        {"path": f"{person}/{mask}.jpg", "person": person, "mask": mask, "gender": gender, "age": age, "split": "train"}
        for person, gender, age in people
        for mask in ("worn", "incorrect", "none")
    ]
    index = pd.DataFrame(rows).astype(object)
    index.loc[index["person"] == "p00", ["mask", "gender", "age"]] = None
    index.loc[index["person"] == "p01", "mask"] = None
    return stores.write(folder, coloured((len(rows), 16, 12, 3)), index)
