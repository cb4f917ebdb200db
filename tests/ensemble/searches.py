"""Searches whose trials can vote, made in a moment: networks that nobody trained, and predictions of their own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.store.store import Store
from tests.helpers.small_networks import small_networks
from tests.tuning.helpers.plans import begin, change, small_plan
from trainable.best import Best, export_best
from trainable.config import TrialConfig
from trainable.network import model
from trainable.photos.feed import Streamed
from trainable.photos.preprocessing import Preprocessing
from trainable.predict import Probabilities, predict
from trainable.recipe.metrics import macro_f1


def searched(runs: Path, store: Store, says: Sequence[Probabilities | None], state: str = "finished") -> Path:
    """Make a search of a trial for each of `says`: its softmax for val, or None for what its network says.

    Returns:
        the search's folder.
    """
    plan = small_plan(runs, store)
    begin(plan, store.hash)
    for number, probabilities in enumerate(says, 1):
        small = {"model/arch": "resnet18", "model/weights": "none", "train/seed": number}
        _trial(
            plan.folder / f"trial-{number:03d}", TrialConfig.from_flat({**plan.settings, **small}), store, probabilities
        )
    change(plan.folder, state=state)
    return plan.folder


def _trial(folder: Path, config: TrialConfig, store: Store, probabilities: Probabilities | None) -> None:
    val, cpu = store.labelled("val"), torch.device("cpu")
    with pytest.MonkeyPatch.context() as patch:
        small_networks(patch)
        network = model.build(config.model, store.task.classes, config.train.seed)
    if probabilities is None:
        probabilities = predict(network, Streamed(store, cpu), val, Preprocessing.of(config.crop, store))
    f1 = macro_f1(store.classes()[val], probabilities.argmax(axis=1))
    best = Best(1, f1, probabilities, network.state_dict(), low=0, high=1)
    export_best(best, config, val, store.hash, folder)


def sure_of(classes: np.ndarray, of: int, sure: float | np.ndarray = 0.9) -> Probabilities:
    """Say these classes, of so many, with a probability of `sure`, one for all or one for each."""
    each = np.broadcast_to(np.asarray(sure, np.float32), len(classes))
    found = np.repeat(((1 - each) / (of - 1))[:, None], of, axis=1)
    found[np.arange(len(classes)), classes] = each
    return found
