"""Runs one search: Ray Tune places the trials, Optuna proposes them, ASHA stops them."""

from __future__ import annotations

import os
import signal
import time
from functools import partial
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common.search_record import State
from data_prep.store.store import Store
from trainable.worker.durable import SHARED
from trainable.worker.ray_trainable import RayTrial
from tuning import signals
from tuning.algorithms import tpe
from tuning.algorithms.asha import Asha
from tuning.algorithms.proposals import Proposals
from tuning.callbacks import failures, snapshots, sweeper
from tuning.callbacks.failures import Failures
from tuning.callbacks.json_lines import Results
from tuning.callbacks.meter import Meter
from tuning.callbacks.progress import Progress
from tuning.callbacks.recorder import Recorder
from tuning.callbacks.tensorboard import TensorBoard
from tuning.callbacks.told import Told
from tuning.callbacks.waiting import FolderGuard, patient
from tuning.callbacks.watchdog import Watchdog
from tuning.cluster import weights
from tuning.plan import disk_need
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan
from tuning.records import reasons, search_json
from tuning.records.rows import ENDED, Row, rows
from tuning.resume import Resumable
from tuning.storage import home, removal, states
from tuning.storage.disk import DiskSpace, waiting_for_disk
from tuning.storage.home import Home


def run(
    plan: Plan,
    store: Store,
    trainable: type[tune.Trainable] = RayTrial,
    began: float | None = None,
    confirms: dict[str, Any] | None = None,
) -> list[Row]:
    """Run `plan` to its end, or until Ctrl-C; Ray must have been started (`start_ray`).

    Args:
        began: time.monotonic() of when the clock of the budget started; None is now.
        confirms: of a confirmation, what search.json says of the trials that it trains again.

    Returns:
        one Row a trial, in the order they were started. search.json's state says how it ended.
    """
    kept = home.of(plan)
    with signals.kept(signal.SIGINT), kept.begun(partial(search_json.begin, plan, store.hash, confirms)):
        return _run(plan, kept, trainable, _since(began))


def resume(search: Resumable, trainable: type[tune.Trainable] = RayTrial, began: float | None = None) -> list[Row]:
    """Go on with an interrupted or extended search: ended trials stay, running ones go on from their last epoch."""
    plan = search.plan
    kept = home.of(plan)
    with signals.kept(signal.SIGINT), kept.resumed():
        states.install(plan.folder)
        search_json.update(plan.folder, state=State.RUNNING, budget=vars(plan.budget), resources=vars(plan.resources))
        since = _since(began)
        spent = Spent(search.spent.hours + since.hours, search.spent.gpu_hours)
        return _run(plan, kept, trainable, spent, resuming=True)


def _run(plan: Plan, kept: Home, trainable: type[tune.Trainable], spent: Spent, resuming: bool = False) -> list[Row]:
    """Run to the end; then the study is exported and search.json says how it ended."""
    searcher = tpe.searcher(plan.space, plan.seed, plan.name)
    meter = Meter(plan.budget, plan.resources, spent)
    judge = Failures(meter)
    space = DiskSpace(plan.folder, disk_need.trial_gb(plan))
    arguments = _arguments(plan, kept)
    proposals = Proposals(searcher, plan, arguments, resuming, space)
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = f"{snapshot_seconds(plan.budget.trials):g}"
    analysis = tune.run(
        trainable,
        search_alg=proposals,
        callbacks=_callbacks(plan, kept, meter, judge, arguments["config"][SHARED] if resuming else None),
        resume_config=tune.ResumeConfig() if resuming else None,
        **arguments,
    )
    ended = rows(analysis.trials, plan.space.distributions, plan.epochs)
    failed = [each.trial_id for each in analysis.trials if each.status == Trial.ERROR]
    waiting_for_disk(tpe.export)(searcher, plan.folder, failed)
    complete = proposals.is_finished() and len(ended) > 0 and all(row.status in ENDED for row in ended)
    if complete:
        removal.sweep(plan.folder, kept.remove)
    state = _how_it_ended(complete, meter, judge)
    waiting_for_disk(search_json.close)(plan.folder, state, reasons.grouped(analysis.trials), judge.failing)
    return ended


def _how_it_ended(complete: bool, meter: Meter, judge: Failures) -> State:
    if complete:
        return State.FINISHED
    if meter.reached:
        return State.SPENT
    return State.FAILING if judge.failing else State.INTERRUPTED


def _arguments(plan: Plan, kept: Home) -> dict[str, Any]:
    """What tune.run is told of a search, whether it begins or goes on."""
    resources = plan.resources
    return {
        "name": plan.name,
        "storage_path": str(plan.folder.parent),
        "config": {SHARED: _shared(plan, kept)},
        "resources_per_trial": {"cpu": resources.cpus, "gpu": resources.gpus},
        "scheduler": Asha(plan.epochs, plan.grace, plan.reduction),
        "stop": {"training_iteration": plan.epochs},
        "checkpoint_config": tune.CheckpointConfig(checkpoint_frequency=1, checkpoint_at_end=False),
        "max_failures": failures.DEATHS,
        "reuse_actors": True,
        "raise_on_failed_trial": False,
        "trial_name_creator": trial_name,
        "trial_dirname_creator": trial_name,
        "verbose": 0,
    }


def _shared(plan: Plan, kept: Home) -> dict[str, Any]:
    """What all trials of a search are told alike."""
    hub = kept.shared(weights.HUB)
    return {
        "settings": plan.settings,
        "store": plan.store,
        "store_hash": search_json.read(plan.folder).store["hash"],
        "cpus": plan.resources.cpus,
        # A trial without a GPU of its own sees all of them (RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO).
        "device": "auto" if plan.resources.gpus else "cpu",
        **plan.execution,
        **kept.told,
        **({"hub": hub} if hub else {}),
    }


def _callbacks(
    plan: Plan, kept: Home, meter: Meter, judge: Failures, told: dict[str, Any] | None
) -> list[tune.Callback]:
    """What listens to a search, in the order in which it hears. `told`: what trials that there are must hear."""
    return [
        patient(FolderGuard(plan.folder)),
        meter,
        judge,
        Watchdog(kept.is_waiting),
        patient(Results()),
        patient(TensorBoard(list(plan.space.distributions))),
        patient(snapshots.Snapshots(plan.folder, kept.remove)),
        sweeper.Sweeper(plan.keep, snapshot_seconds(plan.budget.trials), kept.remove),
        *([Told(told)] if told else []),
        patient(Recorder(plan, meter)),
        Progress(plan, meter),
    ]


def snapshot_seconds(trials: int | None) -> float:
    """Between two of Ray's snapshots of the search, and so what a killed driver forgets: a second up to 400 trials.

    A snapshot writes every trial (0.13 s a thousand, benchmarks/README.md): of larger searches there are fewer.
    """
    return max(1.0, (trials or 0) / 400)


def _since(began: float | None) -> Spent:
    return Spent(hours=0.0 if began is None else (time.monotonic() - began) / 3600)


def trial_name(trial: Trial) -> str:
    """ "trial-001" for the first; the number leads Ray's experiment tag."""
    return f"trial-{int(trial.experiment_tag.split('_')[0]):03d}"
