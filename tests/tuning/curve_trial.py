"""A deterministic stand-in for training: its val_f1 is a curve of the epoch and of one searched setting."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from trainable.worker.durable import DurableTrainable


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
    def step(self) -> dict[str, Any]:
        time.sleep(0.3)
        return super().step()


class SilentTrial(CurveTrial):
    """Never reports what the search is about."""

    def step(self) -> dict[str, Any]:
        return {"loss": 1.0}
