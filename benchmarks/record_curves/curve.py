"""Trains one point at full length.

In a file of its own, because a spawned process imports nothing of a package's __main__.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.record_curves.small_resnet import small_resnet
from common.errors import DivergedError
from data_prep.store.store import Store
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.workbench import Workbench
from tuning.plan.spaces import Point


def curve(number: int, point: Point, settings: dict[str, Any], store: Path, small: bool) -> dict[str, Any]:
    """Train one point on one thread; `small`: the small ResNet instead of the settings' own network."""
    torch.set_num_threads(1)
    config = TrialConfig.from_flat({**settings, **point})
    opened = Store.open(store)
    network = small_resnet(opened.task.classes, config.train.seed) if small else None
    trial = Trial(config, opened, Workbench(torch.device("cpu")), network)
    found: dict[str, Any] = {"number": number, "point": point, "val_f1": [], "seconds": []}
    try:
        while trial.epoch < trial.config.train.epochs:
            began = time.perf_counter()
            metrics = trial.run_epoch()
            found["val_f1"].append(round(metrics["val_f1"], 5))
            found["seconds"].append(round(time.perf_counter() - began, 2))
    except DivergedError as error:
        found["error"] = str(error)
    return found
