"""Keeps the last states of a search while it runs, and the checkpoints that they name."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common import search_state
from common.security.regular_file import read_json
from tuning import ray_internals
from tuning.algorithms.asha import Asha
from tuning.algorithms.proposals import Proposals
from tuning.callbacks.json_lines import flush_results
from tuning.plan.plan import Plan
from tuning.records.rows import row, to_json
from tuning.records.search_json import Record
from tuning.storage import removal
from tuning.storage.states import KEPT, States

SHARE = 1 / 20
"""Of the driver's time that may go into states: on a slow disk there are fewer."""

UNCHANGED = 60.0
"""Seconds after which a state is written although no trial has anything new: the time spent is in it too."""


class Snapshots(tune.Callback):
    """Keeps states of the search that `plan` is of, and of every trial the checkpoints they name and the one before the
    newest of these, in case that one is damaged.

    Ray could keep a number of checkpoints by itself, but then it removes one while its last state still names it, and
    a search whose driver is killed at that moment loses the trial.
    """

    def __init__(
        self, plan: Plan, record: Record, proposals: Proposals, scheduler: Asha, removing: removal.Remove | None = None
    ) -> None:
        self._plan, self._record, self._proposals, self._scheduler = plan, record, proposals, scheduler
        self._remove = removing or removal.remove
        self._states = States(plan.folder)
        self._saved = proposals.saved
        self._pause, self._when = 0.0, time.monotonic()
        self._kept: list[tuple[Any, ...]] | None = None
        self._named: dict[Path, dict[str, str]] = {}
        """For each state that is there, the newest checkpoint of each trial in it."""

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        """Where Ray has just written its state, in this thread and this step, it is whole and of this moment."""
        if self._saved == self._proposals.saved or not trials:
            return
        self._saved = self._proposals.saved
        since = time.monotonic() - self._when
        if since >= self._pause and (since >= UNCHANGED or self._kept != [_seen(trial) for trial in trials]):
            self._keep(trials)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        if trials and self._proposals.saved:
            self._keep(trials)

    def _keep(self, trials: list[Trial]) -> None:
        began, seen, before = time.monotonic(), [_seen(trial) for trial in trials], set(self._kept or ())
        for trial, now in zip(trials, seen, strict=True):
            if now not in before:
                flush_results(trial)  # a state counts on these epochs, whose curves are nowhere else
        files = self._proposals.files(ray_internals.working_folder(trials[0]))
        self._states.keep(files, self._record.now, self._contents(trials))
        self._kept = seen
        self._when = time.monotonic()
        self._pause = (self._when - began) / SHARE
        there = search_state.states(self._plan.folder)
        self._named = {each: self._named.get(each) or _named_in(each) for each in there}
        if len(there) >= KEPT:  # before, one on disk may be of an earlier driver
            for trial in trials:
                self._remove_old_checkpoints(trial)

    def _contents(self, trials: list[Trial]) -> dict[str, Any]:
        keys = self._plan.space.distributions
        return {
            "trials": [
                {
                    "id": trial.trial_id,
                    **to_json(row(trial, keys, self._plan.epochs)),
                    "checkpoint": _name(ray_internals.latest_checkpoint(trial)),
                }
                for trial in sorted(trials, key=lambda each: (len(str(each)), str(each)))
            ],
            "rungs": ray_internals.rungs(self._scheduler),
        }

    def _remove_old_checkpoints(self, trial: Trial) -> None:
        paths = ray_internals.checkpoints_of(trial)
        named = {named.get(str(trial), "") for named in self._named.values()}
        newest = [number for number, path in enumerate(paths) if Path(path).name in named]
        if not newest or newest[-1] != len(paths) - 1:
            return
        kept = {path for path in paths if Path(path).name in named} | {paths[max(0, len(paths) - 2)]}
        ray_internals.forget_checkpoints(trial, but=kept)
        for path in paths:
            if path not in kept:
                self._remove(Path(path).parent, Path(path).name)


def _seen(trial: Trial) -> tuple[Any, ...]:
    """What a state must not lose of a trial."""
    result = trial.run_metadata.last_result
    return (
        trial.trial_id,
        trial.status,
        result.get("training_iteration"),
        trial.run_metadata.num_failures,
        ray_internals.latest_checkpoint(trial),
    )


def _named_in(state: Path) -> dict[str, str]:
    try:
        trials = read_json(state / search_state.TRIALS)["trials"]
        return {trial["trial"]: trial["checkpoint"] for trial in trials if trial["checkpoint"]}
    except (OSError, ValueError, KeyError, TypeError):  # torn, or of a version before
        return {}


def _name(path: str | None) -> str | None:
    return path and Path(path).name
