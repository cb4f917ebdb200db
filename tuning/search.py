"""Runs one search: Ray Tune places the trials, Optuna proposes them, ASHA stops them."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from common import search_state
from common.search_record import State
from data_prep.store.store import Store
from trainable.worker.durable import SHARED
from trainable.worker.ray_trainable import RayTrial
from tuning import signals
from tuning.algorithms import study_file, tpe
from tuning.algorithms.asha import Asha
from tuning.algorithms.proposals import Proposals
from tuning.callbacks import failures, sweeper
from tuning.callbacks.failures import Failures
from tuning.callbacks.json_lines import Results
from tuning.callbacks.meter import Meter
from tuning.callbacks.moved import Moved
from tuning.callbacks.progress import Progress
from tuning.callbacks.recorder import Recorder
from tuning.callbacks.snapshots import Snapshots
from tuning.callbacks.tensorboard.callback import TensorBoard
from tuning.callbacks.tensorboard.pictures import Pictures
from tuning.callbacks.views.report_view import ReportView
from tuning.callbacks.views.study_view import StudyView, told
from tuning.callbacks.waiting import FolderGuard, patient
from tuning.callbacks.watchdog import Watchdog
from tuning.cluster import weights
from tuning.ownership.lock import Ownership
from tuning.plan import disk_need
from tuning.plan.budget import Spent
from tuning.plan.plan import Plan
from tuning.records import leaderboard, reasons, search_json
from tuning.records.rows import ENDED, Row, rows
from tuning.records.search_json import Record
from tuning.resume import Resumable
from tuning.storage import home, states, trusted
from tuning.storage.disk import DiskSpace, waiting_for_disk
from tuning.storage.home import Home


def run(
    plan: Plan,
    store: Store,
    trainable: type[tune.Trainable] = RayTrial,
    began: float | None = None,
    confirms: dict[str, Any] | None = None,
    refits: dict[str, Any] | None = None,
) -> list[Row]:
    """Run `plan` to its end, or until Ctrl-C; Ray must have been started (`start_ray`).

    Args:
        began: time.monotonic() of when the clock of the budget started; None is now.
        confirms, refits: of a confirmation or refit, what search.json says of the trials that it trains again.

    Returns:
        one Row a trial, in the order they were started. search.json's state says how it ended.
    """
    kept, record = home.of(plan), search_json.new(plan, store.hash, confirms, refits)
    with signals.kept(signal.SIGINT), kept.begun(partial(record.write, flushed=True)) as own:
        return _run(Run(plan, kept, own, Record(plan.folder, record)), trainable, _since(began))


def resume(search: Resumable, trainable: type[tune.Trainable] = RayTrial, began: float | None = None) -> list[Row]:
    """Go on with an interrupted or extended search: ended trials stay, running ones go on from their last epoch."""
    plan = search.plan
    kept = home.of(plan)
    with signals.kept(signal.SIGINT), kept.resumed() as own:
        trusted.check(plan.folder, plan.remote)  # again: it may have been given away since `resumable`
        states.install(plan.folder)
        record = Record(plan.folder, search_json.read(plan.folder))
        found = record.now.store
        store, had = {**found, "path": plan.store}, {"budget": vars(plan.budget), "resources": vars(plan.resources)}
        record.change(state=State.RUNNING, store=store, **had)
        record.show()
        since = _since(began)
        spent = Spent(search.spent.hours + since.hours, search.spent.gpu_hours)
        return _run(Run(plan, kept, own, record), trainable, spent, resuming=True)


@dataclass(frozen=True)
class Run:
    """What one run of a search goes by.

    Attributes:
        home: where it is kept; owned by this process, as far as `own` knows.
    """

    plan: Plan
    home: Home
    own: Ownership
    record: Record


def _run(run: Run, trainable: type[tune.Trainable], spent: Spent, resuming: bool = False) -> list[Row]:
    """Run to the end; then the study is exported, and the record says how it ended."""
    plan = run.plan
    searcher = tpe.searcher(plan.space, plan.seed, plan.name)
    meter = Meter(plan.budget, plan.resources, spent)
    judge = Failures(meter)
    space = DiskSpace(plan.folder, disk_need.trial_gb(plan))
    config = {SHARED: _shared(plan, run.home, run.record.now.store["hash"])}
    arguments = _arguments(plan)
    proposals = Proposals(searcher, plan, config, arguments["resources_per_trial"], resuming, space)
    rungs = (search_state.trials_of(plan.folder) or {}).get("rungs") if resuming else None
    scheduler = Asha(plan.epochs, plan.grace, plan.reduction, rungs)
    os.environ["TUNE_DISABLE_STRICT_METRIC_CHECKING"] = "1"  # workers check their scores, and a refit's have none
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = f"{snapshot_seconds(plan.budget.trials):g}"
    analysis = tune.run(
        trainable,
        search_alg=proposals,
        scheduler=scheduler,
        config=config,
        callbacks=[
            *([Moved(config[SHARED])] if resuming else []),
            *_callbacks(run, meter, judge, Snapshots(plan, run.record, proposals, scheduler, run.home.remove)),
            patient(StudyView(plan, searcher), run.own.check),
            *([] if run.record.now.trains_again else [patient(ReportView(plan, run.own.check), run.own.check)]),
        ],
        resume_config=tune.ResumeConfig() if resuming else None,
        **arguments,
    )
    run.own.check()
    ended = rows(analysis.trials, plan.space.distributions, plan.epochs)
    complete = proposals.is_finished() and len(ended) > 0 and all(row.status in ENDED for row in ended)
    if complete:
        for row in ended:
            run.home.remove(plan.folder / row.trial, "checkpoint_*")
    # That it has ended is said last: until then the same command goes on, and writes what shows it anew.
    shown = study_file.shown(searcher, told(analysis.trials, plan), plan.epochs)
    waiting_for_disk(study_file.write)(plan.folder, plan.name, shown)
    waiting_for_disk(leaderboard.write)(plan.folder, ended, flushed=True)
    run.record.close(_how_it_ended(complete, meter, judge), reasons.grouped(analysis.trials), judge.failing)
    waiting_for_disk(states.States(plan.folder).record)(run.record.now)
    waiting_for_disk(run.record.show)(flushed=True)
    return ended


def _how_it_ended(complete: bool, meter: Meter, judge: Failures) -> State:
    if complete:
        return State.FINISHED
    if meter.reached:
        return State.SPENT
    return State.FAILING if judge.failing else State.INTERRUPTED


def _arguments(plan: Plan) -> dict[str, Any]:
    """What tune.run is told of a search, whether it begins or goes on."""
    resources = plan.resources
    return {
        "name": plan.name,
        "storage_path": str(plan.folder.parent),
        "resources_per_trial": {"cpu": resources.cpus, "gpu": resources.gpus},
        "stop": {"training_iteration": plan.epochs},
        "checkpoint_config": tune.CheckpointConfig(checkpoint_frequency=1, checkpoint_at_end=False),
        "max_failures": failures.DEATHS,
        "reuse_actors": True,
        "raise_on_failed_trial": False,
        "trial_name_creator": trial_name,
        "trial_dirname_creator": trial_name,
        "verbose": 0,
    }


def _shared(plan: Plan, kept: Home, store_hash: str) -> dict[str, Any]:
    """What all trials of a search are told alike."""
    hub = kept.shared(weights.HUB)
    return {
        "settings": plan.settings,
        "store": plan.store,
        "store_hash": store_hash,
        "cpus": plan.resources.cpus,
        # A trial without a GPU of its own sees all of them (RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO).
        "device": "auto" if plan.resources.gpus else "cpu",
        **plan.execution,
        **kept.told,
        **({"hub": hub} if hub else {}),
    }


def _callbacks(run: Run, meter: Meter, judge: Failures, snapshots: Snapshots) -> list[tune.Callback]:
    """What listens to a search, in the order in which it hears."""
    plan, kept, check = run.plan, run.home, run.own.check
    pictures = Pictures(plan, run.record.now.store["hash"], kept)
    return [
        patient(FolderGuard(plan.folder), check),
        meter,
        judge,
        Watchdog(kept.is_waiting),
        patient(Results(), check),
        patient(TensorBoard(list(plan.space.distributions), pictures), check),
        patient(Recorder(plan, meter, run.record), check),
        patient(snapshots, check),
        sweeper.Sweeper(plan.keep, snapshot_seconds(plan.budget.trials), kept.remove),
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
