"""A deterministic stand-in for training: its val_f1 is a curve of the epoch and of one searched setting.

Workers import this file, and so it imports neither torch nor the driver.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import ray

from trainable.worker.durable import SHARED, DurableTrainable

HURRY = "hurry"


def val_f1(old_from: int, epoch: int) -> float:
    """Rises with the epoch to a height that is greatest at 58."""
    return (0.8 - 0.05 * abs(old_from - 58)) * epoch / (epoch + 2)


class CurveTrial(DurableTrainable):
    def setup(self, config: dict[str, Any]) -> None:
        self.epoch = 0

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.epoch = 0
        return True

    def step(self) -> dict[str, Any]:
        self.epoch += 1
        value = val_f1(self.config["labels"]["old_from"], self.epoch)
        return {
            "val_f1": value,
            "val_f1_best": value,
            "best_epoch": self.epoch,
            "epoch": self.epoch,
            "train_loss": 1 - value,
            "lr": 0.1 / self.epoch,
            "seconds": 0.01,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        Path(checkpoint_dir, "epoch").write_text(str(self.epoch))

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        self.epoch = int(Path(checkpoint_dir, "epoch").read_text())


class BrokenTrial(CurveTrial):
    """Fails in its second epoch whenever the old band is from 59."""

    def step(self) -> dict[str, Any]:
        if self.config["labels"]["old_from"] == 59 and self.epoch == 1:
            raise RuntimeError("broken on purpose")
        return super().step()


class SlowTrial(CurveTrial):
    """Takes its time, until the file HURRY is in the search's folder."""

    def step(self) -> dict[str, Any]:
        if not (self._folder().parent / HURRY).exists():
            time.sleep(0.3)
        return super().step()


GO_ON = "{trial}-goes-on"
"""Beside the folder of all searches, and so not on their disk: what a HeldTrial waits for."""


class HeldTrial(CurveTrial):
    """Waits after its third epoch until its file GO_ON is there."""

    def step(self) -> dict[str, Any]:
        trial = Path(self._storage.trial_fs_path)
        go_on = trial.parents[1].with_name(GO_ON.format(trial=trial.name))
        while self.epoch == 3 and not go_on.exists():
            time.sleep(0.05)
        return super().step()


class WeighedTrial(SlowTrial):
    """Writes down how many cores Ray lends it, and how many it is told to use."""

    def step(self) -> dict[str, Any]:
        has = ray.get_runtime_context().get_assigned_resources()["CPU"], self.config[SHARED]["cpus"]
        with (self._folder() / "has.txt").open("a") as file:
            file.write(f"{has}\n")
        return super().step()


class SilentTrial(CurveTrial):
    """Never reports what the search is about."""

    def step(self) -> dict[str, Any]:
        return {"loss": 1.0}


class CountingTrial(CurveTrial):
    """Writes down after which epochs it was asked for a checkpoint."""

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        super().save_checkpoint(checkpoint_dir)
        with (self._folder() / "saved.txt").open("a") as saved:
            saved.write(f"{self.iteration}\n")


class SecondComesLate(CurveTrial):
    """The first worker works when another has begun to start, which takes until three more trials have ended."""

    def setup(self, config: dict[str, Any]) -> None:
        super().setup(config)
        search = self._folder().parent
        try:
            (search / "first").mkdir()
        except FileExistsError:
            (search / "second").mkdir(exist_ok=True)
            before = ended(search)
            while ended(search) < before + 3:
                time.sleep(0.05)

    def step(self) -> dict[str, Any]:
        search = self._folder().parent
        while not (search / "second").exists():
            time.sleep(0.05)
        if self.epoch == 1:
            (self._folder() / "worker").write_text(str(os.getpid()))
        return super().step()


def ended(search: Path) -> int:
    return len(list(search.glob("trial-*/worker")))
