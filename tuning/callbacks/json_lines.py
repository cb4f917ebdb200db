"""Writes result.json of a trial, one line an epoch, whole lines only, and params.json, what it was given."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.utils.util import SafeFallbackEncoder

from common.files import flush, write_text
from tuning import ray_internals
from tuning.records.results import PARAMS, RESULT, whole


class Results(tune.Callback):
    """Adds lines where they stay. Ray's own logger writes to a folder of Ray's, which is copied over the search's every
    second, file by file: a driver that is killed meanwhile would leave curves of ended trials cut short."""

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        """Write the settings, and cut off an end that a killed driver or a power cut left torn. Both files have their
        names on the disk from then on; `flush_results` sees to the lines."""
        file = _result_json(trial)
        file.parent.mkdir(exist_ok=True)
        file.touch()
        _cut_torn_end(file)
        settings = json.dumps(trial.config, indent=2, sort_keys=True, cls=SafeFallbackEncoder)
        write_text(file.with_name(PARAMS), settings)
        flush(file.parent.parent)

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        """Add a line. One that the disk does not take whole is cut off before it is tried again."""
        file = _result_json(trial)
        with _opened(file) as stream:
            if stream.tell() and os.pread(stream.fileno(), 1, stream.tell() - 1) != b"\n":
                _cut_torn_end(file)
            stream.write(json.dumps(result, cls=SafeFallbackEncoder).encode() + b"\n")


def flush_results(trial: Trial) -> None:
    """See that what a trial has reported is on the disk."""
    with suppress(FileNotFoundError):  # it has reported nothing, or somebody has removed it
        flush(_result_json(trial))


def _result_json(trial: Trial) -> Path:
    return ray_internals.folder_of(trial) / RESULT


def _opened(file: Path) -> BinaryIO:
    """Open a trial's file to add to it, in a folder that somebody may have removed meanwhile."""
    try:
        return file.open("a+b")
    except FileNotFoundError:
        file.parent.mkdir(exist_ok=True)
        return file.open("a+b")


def _cut_torn_end(file: Path) -> None:
    if (length := whole(file)) < file.stat().st_size:
        os.truncate(file, length)
