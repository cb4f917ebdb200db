"""What confirmations and refits leave in a search's folder, without training: the files of trials, and a state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from common.search_record import SearchRecord
from data_prep.store.store import Store
from trainable.best import Best, export_best
from trainable.config import TrialConfig
from trainable.predict import Probabilities
from trainable.recipe.metrics import macro_f1
from tuning.storage.states import States

A, B = {"labels/old_from": 58}, {"labels/old_from": 59}
"""Settings of two trials."""

CANDIDATES = [
    {"name": "trial-004", "searched": 0.6, "settings": A},
    {"name": "trial-007", "searched": 0.5, "settings": B},
]


def said(store: Store, rows: np.ndarray, seed: int) -> Probabilities:
    """Draw what a network says: float32 [n, classes]."""
    drawn = np.random.default_rng(seed).dirichlet(np.ones(store.task.classes), len(rows))
    return (drawn + 0.3 * np.eye(store.task.classes)[store.classes()[rows]]).astype(np.float32) / np.float32(1.3)


def leave(folder: Path, store: Store, settings: Mapping[str, Any], seed: int = 0) -> Probabilities:
    """Write what a trial with these settings leaves; returns what it says of the photos that it was judged on."""
    config = TrialConfig.from_flat({"model/arch": "resnet18", "model/weights": "none", **settings})
    train = config.train
    view = store.with_folds(train.folds, train.fold) if train.folds else store
    rows = view.labelled("val") if not train.refit else np.zeros(0, np.int64)
    probabilities = said(store, rows, seed)
    f1 = float("nan") if train.refit else macro_f1(store.classes()[rows], probabilities.argmax(axis=1))
    best = Best(1, f1, probabilities, {"weight": torch.full((2,), float(seed))})
    export_best(best, config, rows, store.hash, folder)
    return probabilities


def record(folder: Path, trials: Sequence[tuple[str, str, Mapping[str, Any]]], **about: Any) -> None:
    """Write the state of a search with these trials: name, status, settings."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = [
        {"trial": name, "status": status, "settings": dict(settings), "val_f1_best": None, "best_epoch": 1}
        for name, status, settings in trials
    ]
    found = SearchRecord(name=folder.name, state="finished", **about)  # type: ignore[arg-type]
    found.write(folder)
    States(folder).keep([], found, {"trials": kept, "rungs": {}})


def confirmation(
    folder: Path, store: Store, key: str, runs: Sequence[int], unfinished: Sequence[str] = ()
) -> dict[str, Probabilities]:
    """Write a confirmation of CANDIDATES, run by run; returns what each trial says."""
    points = [{**candidate["settings"], key: run} for run in runs for candidate in CANDIDATES]
    folds = {"train/folds": len(runs)} if key == "train/fold" else {}
    names = [f"trial-{number:03d}" for number in range(1, len(points) + 1)]
    told = {
        name: leave(folder / name, store, {**point, **folds}, seed=number)
        for number, (name, point) in enumerate(zip(names, points, strict=True))
    }
    status = ["interrupted" if name in unfinished else "finished" for name in names]
    about = {"key": key, "runs": list(runs), "trials": 9, "candidates": CANDIDATES}
    record(folder, list(zip(names, status, points, strict=True)), confirms=about)
    return told
