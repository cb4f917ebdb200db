"""A small search as the callback hears of it: trials that have begun, reported, and left predictions, without Ray."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from common.search_folder import VAL_PREDICTIONS
from data_prep.store.store import Store
from tests.tuning.helpers.plans import small_plan
from tuning.callbacks.tensorboard.callback import TensorBoard
from tuning.callbacks.tensorboard.pictures import Pictures
from tuning.plan.plan import Plan
from tuning.storage import home


class Heard(SimpleNamespace):
    """What the callback asks a trial of Ray's."""

    def __str__(self) -> str:
        return str(self.trial_id)


class Board:
    """The callback of a search, and what a search does to it.

    Attributes:
        plan: of the search; trials' folders are in its folder.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self._store = plan, store
        plan.folder.mkdir(parents=True, exist_ok=True)
        self.go_on()

    def go_on(self) -> None:
        """Another driver takes over from one that was killed."""
        for file in self.plan.folder.rglob("events.*"):  # in another second: they are read in the order of their names
            file.rename(file.with_name(file.name.replace("tfevents.", "tfevents.0")))
        keys = list(self.plan.space.distributions)
        self.callback = TensorBoard(keys, Pictures(self.plan, self._store.hash, home.of(self.plan)))

    def trial(self, name: str, old_from: int, epochs: int = 0) -> Any:
        """One that begins, or goes on after so many epochs."""
        folder = self.plan.folder / name
        folder.mkdir(exist_ok=True)
        config = {"shared": {"settings": self.plan.settings}, "labels": {**FIRST, "old_from": old_from}}
        trial = Heard(
            trial_id=name,
            config=config,
            last_result={"training_iteration": epochs} if epochs else None,
            storage=SimpleNamespace(trial_fs_path=str(folder)),
        )
        self.callback.on_trial_start(1, [], trial)
        return trial

    def epoch(self, trial: Any, f1: float, **more: Any) -> None:
        epoch = (trial.last_result or {}).get("training_iteration", 0) + 1
        result = {"training_iteration": epoch, "val_f1": f1, "val_f1_best": f1, "best_epoch": epoch, **more}
        trial.last_result = {**result, "train_loss": 1 - f1, "lr": 0.1, "photos_per_s": 100.0, "time_total_s": 60.0}
        self.leave_predictions(trial, f1)
        self.callback.on_trial_result(1, [], trial, trial.last_result)

    def leave_predictions(self, trial: Any, f1: float) -> None:
        """As the worker does: this share of val is right, the rest is taken for the class after its own."""
        rows, classes = self._store.labelled("val"), self._store.task.classes
        truth = self._store.classes()[rows]
        guess = np.where(np.arange(len(rows)) < f1 * len(rows), truth, (truth + 1) % classes)
        probabilities = np.full((len(rows), classes), 0.3 / (classes - 1), np.float32)
        probabilities[np.arange(len(rows)), guess] = 0.7
        file = Path(trial.storage.trial_fs_path) / VAL_PREDICTIONS
        np.savez(file, probabilities=probabilities, rows=rows, store_hash=self._store.hash, val_f1=f1)

    def end(self, trial: Any) -> None:
        trial.last_result["done"] = True
        self.callback.on_trial_complete(1, [], trial)

    def close(self) -> None:
        self.callback.on_experiment_end([])


FIRST = {"young_below": 29, "young_gap": 0, "old_gap": 0}


@pytest.fixture
def board(make_plan: Callable[..., Plan], small_store: Store) -> Callable[..., Board]:
    def make(**changes: Any) -> Board:
        return Board(make_plan(**changes), small_store)

    return make


@pytest.fixture(scope="module")
def written(small_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a search with a finished trial, one that diverged and one that runs."""
    board = Board(small_plan(tmp_path_factory.mktemp("written"), small_store), small_store)
    first, second, third = (board.trial(f"trial-00{number}", 58 + number) for number in (1, 2, 3))
    for f1 in (0.5, 0.9):
        board.epoch(first, f1, gpu_memory_gb=2.5)
    board.epoch(second, 0.4)
    board.epoch(second, 0.0, diverged="train_loss became nan")
    board.epoch(third, 0.6)
    board.end(first)
    board.end(second)
    board.close()
    return board.plan.folder
