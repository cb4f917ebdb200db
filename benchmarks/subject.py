"""The trial that is measured: its settings, a store cut to a few photos, and what a table says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from data_prep.store.meta import StoreMeta
from data_prep.store.store import Store, write
from trainable.config import TrialConfig
from trainable.device import autocast
from trainable.loop import Trial
from trainable.photos import batches
from trainable.recipe import losses
from trainable.workbench import Workbench
from tuning.plan import profiles

UNUSED = "unused"
"""Split of the train photos that a shorter epoch leaves out."""


def config_for(store: Store, arch: str, **more: Any) -> TrialConfig:
    """What a search on this store would train, from scratch; `more` is by flat key."""
    return TrialConfig.from_flat(
        {
            **profiles.for_store(store, gpu=False, weights="none").settings,
            "model/arch": arch,
            "model/weights": "none",
            **more,
        }
    )


def trial_on(config: TrialConfig, store: Store, device: torch.device, compile: bool = False) -> Trial:
    """A trial with a workbench of its own, so that several can live side by side."""
    return Trial(config, store, Workbench(device, compile=compile))


def few(store: Store, photos: int | None, config: TrialConfig) -> Store:
    """The store with `photos` of the trial's train photos, drawn at random; None, or more than there are: all."""
    rows, _ = batches.training_set(config.labels, store)
    if photos is None or photos >= len(rows):
        return store
    kept = np.random.default_rng(0).choice(rows, photos, replace=False)
    index = store.index.copy()
    index.loc[np.setdiff1d(store.rows("train"), kept), "split"] = UNUSED
    return Store(store.path, store.meta, index, store._shards)


def small_copy(store: Store, folder: Path, train: int, val: int, test: int = 0) -> Store:
    """A store in `folder` of the first people of train, val and test that have at least so many photos together."""
    photos = {"train": train, "val": val, "test": test}
    rows = np.concatenate([_first_people(store, split, least) for split, least in photos.items()])
    meta = StoreMeta(profile=store.profile, bands=store.bands, source_size=store.source_size)
    return write(folder, store.read(rows), store.index.iloc[rows], meta)


def facts(trial: Trial) -> dict[str, Any]:
    """Name what of a trial decides its speed."""
    height, width = trial.store.size
    crop, size = (f"{h}x{w}" for h, w in (trial.preprocessing.crop, trial.preprocessing.size))
    return {
        "arch": trial.config.model.arch,
        "optimizer": trial.config.optimizer.name,
        "batch": trial.config.train.batch_size,
        "crop": f"{crop} of {height}x{width}" + (f" seen at {size}" if size != crop else ""),
        **({"feed": type(trial._feed).__name__} if trial.device.type == "cuda" else {}),
    }


def epoch(trial: Trial) -> int:
    """The training part of an epoch. Returns how many photos it went through."""
    photos: int = trial._train()["train_photos"]
    return photos


def constant_epoch(trial: Trial) -> Callable[[], int]:
    """An epoch's worth of steps of model, loss and optimizer on one batch that is already on the device."""
    size, generator = trial.config.train.batch_size, torch.Generator().manual_seed(0)
    seen = trial.preprocessing.size
    images = torch.randn(size, 3, *seen, generator=generator).to(trial.device, memory_format=torch.channels_last)
    target = torch.randint(trial.store.task.classes, (size,), generator=generator).to(trial.device)
    parts = batches.slices(len(trial._rows), size, smallest=batches.SMALLEST)
    lengths = [part.stop - part.start for part in parts]

    def run() -> int:
        trial.model.train()
        for n in lengths:
            trial._optimizer.zero_grad(set_to_none=True)
            with autocast(trial.device):
                logits = trial._forward(images[:n])
            loss = losses.combined(logits, target[:n], trial.config.loss).total
            trial._scaler.scale(loss).backward()
            trial._scaler.step(trial._optimizer)
            trial._scaler.update()
        return sum(lengths)

    return run


def _first_people(store: Store, split: str, photos: int) -> np.ndarray:
    rows = store.rows(split)
    if len(rows) <= photos:
        return rows
    people = list(dict.fromkeys(store.person[rows[:photos]]))
    return rows[np.isin(store.person[rows], people)]
