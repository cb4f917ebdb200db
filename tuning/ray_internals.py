"""Every private name of Ray that the driver uses, each with its reason.

Ray may change them in any version: tests/tuning/test_ray_internals.py asks the installed one. The worker's are in
trainable/worker/durable.py, and what keeps others out of Ray in common/security/own_ray.py.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from ray._private import ray_constants, worker
from ray.tune.execution import class_cache
from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler
from ray.tune.search import SearchGenerator
from ray.tune.search.optuna import OptunaSearch

from common import machine

DIVERGED = "diverged"
"""The key of a trial's last result that says why its loss is no longer a number."""


def end_at_once() -> None:
    """Have this machine's Ray ended by SIGKILL: its processes do not hear SIGTERM (`signals.blocked`), after which it
    would wait a second for each. What its raylet has started goes with it: it would notice seconds later."""
    node = worker._global_node
    assert node is not None
    node.kill_all_processes = partial(_kill_at_once, node, node.kill_all_processes)


def _kill_at_once(node: Any, kill: Callable[..., None], **options: bool) -> None:
    raylets = node.all_processes.get(ray_constants.PROCESS_TYPE_RAYLET, ())
    started = [pid for raylet in raylets for pid in machine.descendants(raylet.process.pid)]
    kill(**{**options, "allow_graceful": False})
    for pid in started:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def start_workers_once() -> None:
    """Have a trial's worker inherit the variables of this machine's Ray and have no others: for those that Tune names
    itself, and which are among them, each worker would start Python twice."""
    class_cache.DEFAULT_ENV_VARS = {}
    class_cache.ENV_VARS_TO_PROPAGATE = set()


def folder_of(trial: Trial) -> Path:
    """A trial's folder in the search's; the public `local_path` is in Ray's own working folder."""
    return Path(trial.storage.trial_fs_path)


def working_folder(trial: Trial) -> Path:
    """Where Ray writes the state of the whole search before it copies it: only there it is of one moment."""
    return Path(trial.storage.experiment_driver_staging_path)


def diverged(trial: Trial) -> str | None:
    """Why the trial diverged, if it did. The public `last_result` may ask the trial's worker, and wait for it."""
    why = trial.run_metadata.last_result.get(DIVERGED)
    return None if why is None else str(why)


def worker_of(trial: Trial) -> Any:
    """The actor that trains the trial, to tell whether it has reported and to kill it; None between two."""
    return trial.temporary_state.ray_actor


def forget_failures(trial: Trial) -> None:
    """Ray counts them over a trial's whole life, and has no way to begin anew."""
    trial.run_metadata.num_failures = 0


def count_failures(trial: Trial, more: int) -> None:
    """Let a failure weigh as `more` beside what Ray has counted: it has one limit for all kinds."""
    trial.run_metadata.num_failures += more


def checkpoints_of(trial: Trial) -> list[str]:
    """The paths of all checkpoints that Ray holds, the oldest first; publicly it names the best and the newest."""
    return [result.checkpoint.path for result in trial.run_metadata.checkpoint_manager._checkpoint_results]


def latest_checkpoint(trial: Trial) -> str | None:
    """The path of the newest checkpoint that the trial's state names."""
    latest = trial.run_metadata.checkpoint_manager.latest_checkpoint_result
    return latest.checkpoint.path if latest else None


def forget_checkpoints(trial: Trial, but: set[str]) -> None:
    """Have Ray hold no other checkpoints than these: it has no way to give up one that it does not remove itself."""
    manager = trial.run_metadata.checkpoint_manager
    manager._checkpoint_results = [each for each in manager._checkpoint_results if each.checkpoint.path in but]


def save_no_more(trial: Trial) -> None:
    """Have Ray take no further checkpoint of the trial, also where one is due: the frequency is the search's."""
    manager = trial.run_metadata.checkpoint_manager
    manager._checkpoint_config = replace(manager.checkpoint_config, checkpoint_frequency=0)


def is_starting(tune_controller: Any, trial: Trial) -> bool:
    """Whether a pending trial's worker has its place on a machine already; what schedulers are given hides it."""
    controller = tune_controller._tune_controller
    worker = controller._trial_to_actor.get(trial)
    return worker is not None and controller._actor_manager.is_actor_started(worker)


def enter_rungs(scheduler: AsyncHyperBandScheduler, trial: Trial, epoch: int, value: float) -> None:
    """Tell the trial's bracket a result, without the decision that `on_trial_result` would take."""
    scheduler._trial_info[trial.trial_id].on_result(trial, epoch, value)


def rungs(scheduler: AsyncHyperBandScheduler) -> dict[str, list[tuple[int, float]]]:
    """What trials have on the rungs of the one bracket, by Ray's IDs: (epoch of the rung, value), the lowest first."""
    held: dict[str, list[tuple[int, float]]] = {}
    for epoch, values in reversed(scheduler._brackets[0]._rungs):
        for trial_id, value in values.items():
            held.setdefault(trial_id, []).append((int(epoch), float(value)))
    return held


def allow_trials(generator: SearchGenerator, limit: int) -> None:
    """Ray takes the number from the experiment, which it keeps for ever as it was when the search began."""
    generator._total_samples = limit


def renew_experiment(
    generator: SearchGenerator, folder: Path, config: dict[str, Any], resources: dict[str, float]
) -> None:
    """Put trials to come into `folder`, and give them this config and these resources: for them Ray keeps what the
    search began with."""
    spec = generator._experiment.spec
    storage = spec["storage"]
    storage.storage_fs_path, storage.experiment_dir_name = str(folder.parent), folder.name
    spec |= {"config": config, "resources_per_trial": resources}


def study_of(search: OptunaSearch) -> tuple[Any, dict[str, Any]]:
    """The Optuna study, which lives in memory alone, and its trials by Ray's IDs."""
    return search._ot_study, search._ot_trials
