"""A Trial as a class Trainable of Ray's, one step an epoch. This file and durable.py alone know Ray here.

An actor is kept from one trial to the next (`reset_config`): imports, the GPU context, the open store, photos on the
GPU, the network and its compiled code stay (`workbench.py`); weights are set anew, the optimizer goes.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import torch

from common.errors import DivergedError
from common.search_folder import TRIAL_ERROR
from data_prep import node_copy
from data_prep.store.store import Store
from trainable import checkpoint, device
from trainable.config import TrialConfig
from trainable.loop import Trial
from trainable.workbench import Workbench
from trainable.worker.durable import SHARED, DurableTrainable, until_taken
from trainable.worker.remote_trial import fetched


class RayTrial(DurableTrainable):
    """It trains one Trial after another, an epoch a step.

    config: {"shared": {"settings", "store", "cpus", "device", "store_hash", "deterministic", "compile", "hub",
    "uri"}, group: {name: value}, ...}. Of "shared" the last six may be missing: a GPU is used if there is one, any
    store will do, both are off, the weights of ImageNet are in torch hub's own folder, and the search is kept in a
    folder.
    """

    def setup(self, config: dict[str, Any]) -> None:
        self._trial: Trial | None = None
        self._bench: Workbench | None = None
        self._store: Store | None = None
        torch.set_num_threads(max(1, int(config[SHARED]["cpus"])))
        if hub := config[SHARED].get("hub"):
            torch.hub.set_dir(until_taken(lambda: fetched(hub)))

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Free the last trial. The next one is built in the first step(), where an error is its own: Ray would blame
        the old one for an error raised here, and hang on a False."""
        self._trial = None
        if self._bench is not None:
            self._bench.clear()
        return True

    def cleanup(self) -> None:
        self._trial = self._bench = self._store = None

    def step(self) -> dict[str, Any]:
        trial = self._current()
        try:
            metrics = trial.run_epoch()
        except DivergedError as error:
            return self._diverged(trial, error)
        if metrics["best_epoch"] == metrics["epoch"]:
            until_taken(lambda: trial.export_best(self._folder()))
        # Ray ends all trials of a search at one length, and those of a refit have lengths of their own.
        length = trial.config.train
        return {**metrics, "done": True} if length.refit and trial.epoch >= length.epochs else metrics

    def _diverged(self, trial: Trial, error: DivergedError) -> dict[str, Any]:
        """Make the last result of a trial that fails for good: the same numbers again would only diverge again.

        Raised, the error would be tried again by Ray and hidden from Optuna, which would propose the neighbours.
        """
        until_taken(lambda: (self._folder() / TRIAL_ERROR).write_text(f"{error}\n"))
        best = trial.best
        scores = {"val_f1": 0.0, **(best.scores if best else {"val_f1_best": 0.0, "best_epoch": None})}
        return {
            "epoch": trial.epoch,
            **({"best_epoch": best and best.epoch} if trial.config.train.refit else scores),
            "diverged": str(error),
            "done": True,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        checkpoint.save(self._current().state_dict(), Path(checkpoint_dir), flushed=False)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        """Go on from a checkpoint. What the trial's folder holds as its best may be of an epoch that was lost
        with the worker, so it is written again."""
        trial = self._current()
        trial.load_state_dict(checkpoint.load(Path(checkpoint_dir)))
        until_taken(lambda: trial.export_best(self._folder()))

    def _current(self) -> Trial:
        if self._trial is None:
            shared = self.config[SHARED]
            store = self._store_of(shared)
            config = TrialConfig.from_flat({**shared["settings"], **flat(self.config)})
            bench = self._bench_of(shared)
            self._say(f"seed {config.train.seed}; {device.describe(bench.device, shared.get('deterministic', False))}")
            self._trial = Trial(config, store, bench)
        return self._trial

    def _store_of(self, shared: dict[str, Any]) -> Store:
        """Open the store, copied to this node if need be, in the first trial's first step; keep it for the others."""
        if self._store is None:
            self._store = node_copy.open_store(shared["store"], shared.get("store_hash"), say=self._say)
        return self._store

    def _bench_of(self, shared: dict[str, Any]) -> Workbench:
        """Make the workbench in the first trial's first step, keep it for the others."""
        if self._bench is None:
            chosen = device.choose(shared.get("device", "auto"), shared.get("deterministic", False))
            self._bench = Workbench(chosen, compile=shared.get("compile", False), say=self._say)
            gc.freeze()  # what was imported stays: to look for garbage in it takes .27 s a trial
        return self._bench


def flat(config: dict[str, Any]) -> dict[str, Any]:
    """Flatten what a Ray config searches: {"loss": {"smoothing": .1}, "shared": ...} -> {"loss/smoothing": .1}."""
    return {
        f"{group}/{name}": value
        for group, values in config.items()
        if group != SHARED
        for name, value in values.items()
    }
