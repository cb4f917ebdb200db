"""Trials that go wrong in every way a trial can, on a deterministic curve."""

from __future__ import annotations

import math
import os
import signal
from typing import Any

import torch

from tests.tuning.curve_trial import CurveTrial

KINDS = ("setup", "memory", "nan", "inf", "missing", "text", "exits")
REPORTED = {"nan": math.nan, "inf": math.inf, "text": "high"}


class BadTrial(CurveTrial):
    """Writes down every epoch that it begins."""

    def step(self) -> dict[str, Any]:
        with (self._folder() / "begun.txt").open("a") as begun:
            begun.write(f"{self.epoch + 1}\n")
        return super().step()

    def once(self, name: str) -> bool:
        """Whether the trial asks for the first time."""
        file = self._folder() / name
        if file.exists():
            return False
        file.touch()
        return True


class CampaignTrial(BadTrial):
    """Every other trial fails in its second epoch, each in a way of its own, or cannot be set up at all."""

    @property
    def kind(self) -> str | None:
        number = int(str(self.trial_name).removeprefix("trial-"))
        return KINDS[number // 2 % len(KINDS)] if number % 2 else None

    def setup(self, config: dict[str, Any]) -> None:
        super().setup(config)
        if self.kind == "setup":
            raise ValueError("cannot be set up")

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        result = super().step()
        if self.epoch < 2:
            return result
        if self.kind == "exits":
            os._exit(1)
        if self.kind == "memory":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has 1.00 GiB free.")
        if self.kind == "missing":
            del result["val_f1"]
        if self.kind in REPORTED:
            result["val_f1"] = REPORTED[self.kind]
        return result


class MortalTrial(BadTrial):
    """Its worker dies once an epoch."""

    def step(self) -> dict[str, Any]:
        result = super().step()
        if self.once(f"died-{self.epoch}"):
            os._exit(1)
        return result


class MostFailTrial(BadTrial):
    """All trials fail until somebody mends the cause: the file mended.txt in the search folder."""

    def step(self) -> dict[str, Any]:
        if not (self._folder().parent / "mended.txt").exists():
            raise RuntimeError("no such camera")
        return super().step()


class HungTrial(BadTrial):
    """Goes wrong once at each place that its "store" names: "exit-3 stop-load" exits in epoch 3 and is stopped when
    it is restored."""

    def hang(self, place: str) -> None:
        for each in self.config["shared"]["store"].split():
            how, where = each.split("-")
            if where == place and self.once(each):
                if how == "exit":
                    os._exit(1)
                if how == "stop":
                    os.kill(os.getpid(), signal.SIGSTOP)
                while True:
                    pass

    def step(self) -> dict[str, Any]:
        self.hang(str(self.epoch + 1))
        return super().step()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        if self.epoch == 2:
            self.hang("save")
        super().save_checkpoint(checkpoint_dir)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        self.hang("load")
        super().load_checkpoint(checkpoint_dir)
