"""result.json of a trial: one line an epoch, whole lines only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.logger import JsonLoggerCallback

from common.security.regular_file import parse_json, read_text
from tuning import ray_internals

RESULT = "result.json"


class Results(JsonLoggerCallback):
    """Ray's own, but a line that a killed driver left half written is cut off before the next one is added."""

    def log_trial_start(self, trial: Trial) -> None:
        file = Path(trial.local_path, RESULT)
        if file.exists() and not (text := file.read_bytes()).endswith(b"\n"):
            with file.open("r+b") as stream:
                stream.truncate(text.rfind(b"\n") + 1)
        super().log_trial_start(trial)

    def log_trial_result(self, iteration: int, trial: Trial, result: dict[str, Any]) -> None:
        """A line that the disk does not take whole is closed with its file, and cut off when it is tried again."""
        try:
            super().log_trial_result(iteration, trial, result)
        except OSError:
            with suppress(OSError):
                ray_internals.close_results(self, trial)
            raise


def reported(folder: Path) -> Iterator[dict[str, Any]]:
    """What a trial has reported, in order; an epoch that was done twice is there twice."""
    file = folder / RESULT
    for line in read_text(file).splitlines(keepends=True) if file.exists() else ():
        if line.endswith("\n"):
            yield parse_json(line)
