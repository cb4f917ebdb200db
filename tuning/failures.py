"""What becomes of trials that fail: how often they are tried again, when a search gives up, what the reasons were."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from tuning.meter import Meter

DEATHS = 3
"""A trial whose worker or node dies goes on from its last checkpoint so many times in a row, without a new epoch; after
an exception once."""

ENOUGH, SHARE = 8, 3 / 4
"""When so many trials have ended, and more than this share of them failed, the search ends: something is wrong."""

ERROR_FILE = "error.txt"

LISTED = 5
"""Reasons, and trials of one reason, that are printed; search.json has all of them."""


class Failures(tune.Callback):
    """Ray counts a trial's failures over its whole life: here a new epoch sets the count back to 0, and an exception
    counts as `DEATHS` deaths do.

    A diverged trial has ended, and not failed: it is a result of its settings.

    Attributes:
        failing: "7 of 8" trials failed, which ended the search; else None. Of trials that had ended when the search was
            resumed nothing is counted: what they failed of may be mended.
    """

    def __init__(self, meter: Meter) -> None:
        self.failing: str | None = None
        self._meter = meter
        self._epochs: dict[str, int] = {}
        self._ended = self._failed = 0

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if result["training_iteration"] > self._epochs.get(trial.trial_id, 0):
            self._epochs[trial.trial_id] = result["training_iteration"]
            trial.run_metadata.num_failures = 0

    def on_trial_recover(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if _is_exception(_last_failure(trial)):
            trial.run_metadata.num_failures += DEATHS - 1  # Ray has counted it once

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended += 1

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._ended += 1
        self._failed += 1

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """A second SIGINT would end the search before it is written down: none after a spent budget's, or ours."""
        too_many = self._ended >= ENOUGH and self._failed > SHARE * self._ended
        if too_many and self.failing is None and self._meter.reached is None:
            self.failing = f"{self._failed} of {self._ended}"
            signal.raise_signal(signal.SIGINT)


def reason(trial: Trial) -> str:
    """Why it failed, in one line: the exception's own, without the traceback above it."""
    if "diverged" in trial.run_metadata.last_result:
        return str(trial.run_metadata.last_result["diverged"])
    text = _last_failure(trial)
    if not text:
        return f"see {ERROR_FILE} in its folder"
    if not _is_exception(text):
        return "worker hung" if "`ray.kill`" in text else "worker died"
    lines = text.splitlines()
    after_traceback = [line for before, line in pairwise(lines) if before[:1] == " " != line[:1]]
    return (after_traceback or lines)[-1].strip()


def grouped(trials: Iterable[Trial]) -> list[dict[str, Any]]:
    """The failed trials by reason, the commonest first, for search.json."""
    found: dict[tuple[str, bool], list[str]] = {}
    for trial in trials:
        diverged = "diverged" in trial.run_metadata.last_result
        if diverged or trial.status == Trial.ERROR:
            found.setdefault((reason(trial), diverged), []).append(str(trial))
    order = sorted(found.items(), key=lambda group: -len(group[1]))
    return [{"reason": why, "diverged": diverged, "trials": names} for (why, diverged), names in order]


def described(groups: list[dict[str, Any]]) -> str:
    """ "3 trials failed: 2 x RuntimeError: broken on purpose (trial-002, trial-005); 1 x worker died (trial-003)" """
    count = sum(len(group["trials"]) for group in groups)
    parts = [f"{len(group['trials'])} x {group['reason']} ({_some(group['trials'])})" for group in groups[:LISTED]]
    if len(groups) > LISTED:
        parts.append(f"and {len(groups) - LISTED} more reasons")
    return f"{count} trial{'s' if count > 1 else ''} failed: {'; '.join(parts)}"


def _some(names: list[str]) -> str:
    return ", ".join([*names[:LISTED], *(["..."] if len(names) > LISTED else [])])


def _last_failure(trial: Trial) -> str:
    """What Ray wrote of it. Of a trial that failed before the search was resumed only the search folder has it."""
    for folder in (trial.local_path, trial.storage.trial_fs_path):
        file = Path(folder, ERROR_FILE)
        if file.exists():
            return file.read_text(errors="replace").rpartition("Failure # ")[2].strip()
    return ""


def _is_exception(text: str) -> bool:
    """In our code, setup() included: "ray::CurveTrial.train() ..." leads its traceback. Else a worker or node died."""
    return "ray::" in text or "Traceback" in text
