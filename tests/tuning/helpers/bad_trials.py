"""Trials that go wrong in every way a trial can, on a deterministic curve."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

from tests.tuning.helpers.curve_trial import CurveTrial

KINDS = ("setup", "memory", "nan", "exits", "inf", "missing", "none", "text")
REPORTED = {"nan": math.nan, "inf": math.inf, "none": None, "text": "high"}


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


class PlannedTrial(BadTrial):
    """What happens to it stands in the plan, in the place of the store: JSON, by the trial's name."""

    @property
    def fate(self) -> list[str]:
        found: list[str] = json.loads(self.config["shared"]["store"]).get(str(self.trial_name), [])
        return found


class CampaignTrial(PlannedTrial):
    """Fails in its second epoch, or cannot be set up at all, in the one of KINDS that is its fate."""

    def setup(self, config: dict[str, Any]) -> None:
        super().setup(config)
        if self.fate == ["setup"]:
            raise ValueError("cannot be set up")

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.setup(new_config)
        return True

    def step(self) -> dict[str, Any]:
        result = super().step()
        for kind in self.fate if self.epoch == 2 else []:
            if kind == "exits":
                os._exit(1)
            if kind == "memory":
                import torch

                raise torch.OutOfMemoryError(
                    "CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has 1.00 GiB free."
                )
            if kind == "missing":
                del result["val_f1"]
            if kind in REPORTED:
                result["val_f1"] = REPORTED[kind]
        return result


class MostFailTrial(BadTrial):
    """All trials fail until somebody mends the cause: the file mended.txt in the search folder."""

    def step(self) -> dict[str, Any]:
        if not (self._folder().parent / "mended.txt").exists():
            raise RuntimeError("no such camera")
        return super().step()


class StruckTrial(PlannedTrial):
    """Is struck once at each place of its fate: "kill-3" in epoch 3, "stop-save3" while that is half saved, "loop-load"
    when it is restored."""

    def struck(self, place: str) -> None:
        for each in self.fate:
            how, where = each.split("-")
            if where == place and self.once(each):
                if how in ("kill", "stop"):
                    os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSTOP)
                while True:
                    pass

    def step(self) -> dict[str, Any]:
        self.struck(str(self.epoch + 1))
        return super().step()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        Path(checkpoint_dir, "epoch").write_text("")
        self.struck(f"save{self.epoch}")
        super().save_checkpoint(checkpoint_dir)

    def load_checkpoint(self, checkpoint_dir: str) -> None:
        self.struck("load")
        super().load_checkpoint(checkpoint_dir)
