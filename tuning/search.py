"""Runs one search: Ray Tune places the trials, Optuna proposes them, ASHA stops them."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common import search_folder
from common.errors import SearchError
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
from tuning.callbacks.moved import Moved
from tuning.callbacks.present import Present
from tuning.callbacks.progress import Progress
from tuning.callbacks.recorder import Recorder
from tuning.callbacks.tensorboard import TensorBoard
from tuning.callbacks.watchdog import Watchdog
from tuning.cluster import weights
from tuning.plan import disk_need
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan
from tuning.records import reasons, search_json
from tuning.records.rows import ENDED, Row, rows
from tuning.resume import Resumable
from tuning.storage import removal, states
from tuning.storage.disk import Room, patient, patiently
from tuning.storage.lock import owning
from tuning.storage.mirror import Mirror, mirroring


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
    if plan.remote:
        with mirroring(plan.remote, plan.folder) as mirror, signals.kept(signal.SIGINT):
            if not mirror.is_new:
                raise SearchError(f"{plan.remote} already holds a search; choose another --name")
            search_json.begin(plan, store.hash, plan.folder, confirms)
            patiently(mirror.push)()
            with mirror.followed():
                return _run(plan, trainable, _since(began), mirror=mirror)
    search_json.create(plan, store.hash, confirms)
    with owning(plan.folder), signals.kept(signal.SIGINT):
        return _run(plan, trainable, _since(began))


def resume(search: Resumable, trainable: type[tune.Trainable] = RayTrial, began: float | None = None) -> list[Row]:
    """Go on with an interrupted or extended search: ended trials stay, running ones go on from their last epoch."""
    plan = search.plan
    if plan.remote:
        with mirroring(plan.remote, plan.folder) as mirror, signals.kept(signal.SIGINT):
            patiently(mirror.pull)()
            with mirror.followed():
                return _go_on(search, trainable, began, mirror)
    with owning(plan.folder), signals.kept(signal.SIGINT):
        return _go_on(search, trainable, began)


def _go_on(
    search: Resumable, trainable: type[tune.Trainable], began: float | None, mirror: Mirror | None = None
) -> list[Row]:
    plan = search.plan
    states.install(plan.folder)
    search_json.update(plan.folder, state=State.RUNNING, budget=vars(plan.budget))
    since = _since(began)
    spent = Spent(search.spent.hours + since.hours, search.spent.gpu_hours)
    return _run(plan, trainable, spent, resuming=True, mirror=mirror)


def _run(
    plan: Plan,
    trainable: type[tune.Trainable],
    spent: Spent,
    resuming: bool = False,
    mirror: Mirror | None = None,
) -> list[Row]:
    """Run to the end; then the study is exported and search.json says how it ended."""
    searcher = tpe.searcher(plan.space, plan.seed, plan.name)
    meter = Meter(plan.budget, plan.resources, spent)
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = f"{snapshot_seconds(plan.budget.trials):g}"
    room = Room(plan.folder, disk_need.trial_gb(plan))
    proposals = Proposals(searcher, plan.resources.concurrent, plan.budget.trials, plan.folder, resuming, room)
    judge = Failures(meter)
    analysis = tune.run(trainable, **_arguments(plan, proposals, meter, judge, resuming, mirror))
    ended = rows(analysis.trials, plan.space.distributions, plan.epochs)
    patiently(tpe.export)(
        searcher, plan.folder, [each.trial_id for each in analysis.trials if each.status == Trial.ERROR]
    )
    complete = len(ended) == plan.budget.trials and all(row.status in ENDED for row in ended)
    if complete:
        removal.sweep(plan.folder, mirror.remove if mirror else None)
    state = _how_it_ended(complete, meter, judge)
    patiently(search_json.close)(plan.folder, state, reasons.grouped(analysis.trials), judge.failing)
    return ended


def _how_it_ended(complete: bool, meter: Meter, judge: Failures) -> State:
    if complete:
        return State.FINISHED
    if meter.reached:
        return State.SPENT
    return State.FAILING if judge.failing else State.INTERRUPTED


def _arguments(
    plan: Plan,
    proposals: Proposals,
    meter: Meter,
    judge: Failures,
    resuming: bool,
    mirror: Mirror | None,
) -> dict[str, Any]:
    """Of tune.run, which serves a new search and a resumed one alike."""
    resources = plan.resources
    removing = mirror.remove if mirror else None
    shared = {
        "settings": plan.settings,
        "store": plan.store,
        "store_hash": search_json.read(plan.folder).store["hash"],
        "cpus": resources.cpus,
        # A trial without a GPU of its own sees all of them (RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO).
        "device": "auto" if resources.gpus else "cpu",
        **plan.execution,
        **({search_folder.ADDRESS: plan.remote} if plan.remote else {}),
    }
    if hub := weights.hub(plan):
        shared["hub"] = hub
    keys = list(plan.space.distributions)
    return {
        "name": plan.name,
        "storage_path": str(plan.folder.parent),
        "config": {SHARED: shared},
        "resources_per_trial": {"cpu": resources.cpus, "gpu": resources.gpus},
        "search_alg": proposals,
        "scheduler": Asha(plan.epochs, plan.grace, plan.reduction),
        "stop": {"training_iteration": plan.epochs},
        "callbacks": [
            patient(Present(plan.folder)),
            meter,
            judge,
            Watchdog(mirror.waiting.is_set) if mirror else Watchdog(),
            patient(Results()),
            patient(TensorBoard(keys)),
            patient(snapshots.Snapshots(plan.folder, removing)),
            sweeper.Sweeper(plan.keep, snapshot_seconds(plan.budget.trials), removing),
            *([Moved(plan.remote)] if resuming else []),
            patient(Recorder(plan, meter)),
            Progress(plan, meter),
        ],
        "checkpoint_config": tune.CheckpointConfig(checkpoint_frequency=1, checkpoint_at_end=False),
        "max_failures": failures.DEATHS,
        "reuse_actors": True,
        "raise_on_failed_trial": False,
        "resume_config": tune.ResumeConfig() if resuming else None,
        "trial_name_creator": trial_name,
        "trial_dirname_creator": trial_name,
        "verbose": 0,
    }


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
