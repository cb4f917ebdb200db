"""A large search whose workers are simulated, and the stopwatch around everything that its driver does."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from optuna.samplers import TPESampler
from ray import tune
from ray.train._internal import storage
from ray.tune.execution import tune_controller
from ray.tune.execution.experiment_state import _ExperimentCheckpointManager
from ray.tune.execution.tune_controller import TuneController
from ray.tune.search import SearchGenerator
from ray.tune.search.optuna import OptunaSearch

from benchmarks.driver_cost.report import ASHA, ASK, CHOICE, RAY, SIMULATION, SNAPSHOT, STATES, STUDY, TELL, Report
from benchmarks.driver_cost.simulated_workers import Actors
from tuning import search
from tuning.algorithms.asha import Asha
from tuning.callbacks.json_lines import Results
from tuning.callbacks.meter import Meter
from tuning.callbacks.progress import Progress
from tuning.callbacks.recorder import Recorder
from tuning.callbacks.sweeper import Sweeper
from tuning.callbacks.tensorboard.callback import TensorBoard
from tuning.plan import profiles, spaces
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.plan.settings import shared_settings

EPOCHS, GRACE, REDUCTION = 27, 3, 3
CALLBACKS = {
    "Meter": Meter,
    "Sweeper": Sweeper,
    "Recorder": Recorder,
    "Progress": Progress,
    "TensorBoard": TensorBoard,
    "Json": Results,
}
HOOKS = ("on_step_begin", "on_step_end", "on_trial_start", "on_trial_result", "on_trial_complete")


def large_plan(folder: Path, options: argparse.Namespace) -> Plan:
    space = spaces.load("scheduler_decay")
    return Plan(
        folder=folder / "runs" / "large",
        space=space,
        profile=profiles.REFERENCE,
        store=str(folder),
        settings=shared_settings(space, profiles.REFERENCE, epochs=EPOCHS, seed=options.seed),
        budget=Budget(trials=options.trials, hours=options.minutes / 60),
        epochs=EPOCHS,
        grace=GRACE,
        reduction=REDUCTION,
        keep=profiles.KEEP,
        resources=Resources(cpus=1, gpus=0, concurrent=options.slots),
        seed=options.seed,
        pictures=False,
    )


@contextlib.contextmanager
def measured(report: Report, options: argparse.Namespace) -> Iterator[None]:
    """Simulated workers, and a stopwatch around everything that the driver does."""
    watch = report.stopwatch
    step, copy_files = TuneController.step, storage._pyarrow_fs_copy_files
    result = TuneController._process_trial_result
    relative, independent = TPESampler.sample_relative, TPESampler.sample_independent

    def stepped(controller: TuneController) -> None:
        with watch.running(RAY):
            step(controller)
        report.step(controller)

    def counted(*args: Any) -> Any:
        report.results += 1
        return result(*args)

    def copied(*args: Any, **kwargs: Any) -> None:
        began, cpu = time.perf_counter(), time.thread_time()
        copy_files(*args, **kwargs)
        report.copies.append((time.perf_counter() - began, time.thread_time() - cpu))

    def relatively(sampler: TPESampler, *args: Any) -> dict[str, Any]:
        return {} if report.winding else relative(sampler, *args)

    def independently(sampler: TPESampler, *args: Any) -> Any:
        return (sampler._random_sampler.sample_independent if report.winding else partial(independent, sampler))(*args)

    timed = [
        *((Asha, hook, ASHA) for hook in ("on_trial_add", "on_trial_result", "on_trial_complete")),
        (Asha, "choose_trial_to_run", CHOICE),
        (OptunaSearch, "suggest", ASK),
        *((OptunaSearch, hook, TELL) for hook in ("on_trial_result", "on_trial_complete")),
        (_ExperimentCheckpointManager, "sync_up_experiment_state", SNAPSHOT),
        (TuneController, "save_to_dir", STATES),
        (SearchGenerator, "save_to_dir", STUDY),
        (Actors, "next", SIMULATION),
        *((callback, hook, name) for name, callback in CALLBACKS.items() for hook in HOOKS),
    ]
    with contextlib.ExitStack() as patches:
        for owner, method, name in timed:
            patches.enter_context(patch.object(owner, method, watch.timing(getattr(owner, method), name)))
        patches.enter_context(patch.object(TPESampler, "sample_relative", relatively))
        patches.enter_context(patch.object(TPESampler, "sample_independent", independently))
        patches.enter_context(patch.object(TuneController, "step", stepped))
        patches.enter_context(patch.object(TuneController, "_process_trial_result", counted))
        patches.enter_context(patch.object(storage, "_pyarrow_fs_copy_files", copied))
        simulated = lambda **_: Actors(options.slots, options.seed, watch)  # noqa: E731
        patches.enter_context(patch.object(tune_controller, "RayActorManager", simulated))
        arguments = search._arguments
        patches.enter_context(patch.object(search, "_arguments", lambda *args: without_checkpoints(arguments(*args))))
        yield


def without_checkpoints(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "checkpoint_config": tune.CheckpointConfig(checkpoint_frequency=0)}
