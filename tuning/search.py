"""Runs one search: Ray Tune places the trials, Optuna proposes them, ASHA stops them."""

from __future__ import annotations

import logging
import os
import signal
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# Ray reads these when it is imported.
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # our own loggers write to the search folder
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the old reporter is the one that verbose=0 silences

import optuna
import ray
from ray import tune
from ray._private import ray_constants
from ray.tune.experiment import Trial

import addresses
import files
from data_prep import node_copy
from data_prep.store import Store
from errors import OptionError, SearchError, SpaceError
from trainable.ray_trainable import RayTrial
from trainable.sturdy import SHARED
from tuning import checkpoints, failures, nodes, record, signals, snapshots, spaces, study
from tuning import plan as planning
from tuning.asha import Asha
from tuning.budget import Spent
from tuning.failures import Failures
from tuning.meter import Meter
from tuning.mirror import Mirror, mirroring
from tuning.owner import owning
from tuning.plan import Plan
from tuning.progress import Progress
from tuning.proposals import Proposals
from tuning.record import Recorder
from tuning.resources import cpu_cores
from tuning.results import Results
from tuning.rows import ENDED, Row, rows
from tuning.spaces import Space
from tuning.storage import Present, Room, patient, patiently
from tuning.tensorboard import TensorBoard
from tuning.watchdog import Watchdog

ROOT = Path(__file__).resolve().parent.parent
FINISHED, INTERRUPTED, SPENT, FAILING = "finished", "interrupted", "budget spent", "failing"
"""How a search ends: every trial has ended; Ctrl-C; a time limit; too many trials failed. The last three leave trials
that can go on."""


@dataclass(frozen=True)
class Resumable:
    """A search that can go on.

    Attributes:
        plan: with its new budget.
        spent: before now.
        notes: what has changed since it began, a line each.
    """

    plan: Plan
    spent: Spent
    notes: list[str]


def run(
    plan: Plan,
    store: Store,
    trainable: type[tune.Trainable] = RayTrial,
    began: float | None = None,
    **more: Any,
) -> list[Row]:
    """Run `plan` to its end, or until Ctrl-C; Ray must have been started (`start_ray`).

    Args:
        began: time.monotonic() of when the clock of the budget started; None is now.
        more: what search.json says beside.

    Returns:
        one Row a trial, in the order they were started. search.json's state says how it ended.
    """
    if plan.remote:
        with mirroring(plan.remote, plan.folder) as mirror, signals.kept(signal.SIGINT):
            if not mirror.is_new:
                raise SearchError(f"{plan.remote} already holds a search; choose another --name")
            record.begin(plan, store.hash, plan.folder, **more)
            patiently(mirror.push)()
            with mirror.followed():
                return _run(plan, trainable, _since(began), mirror=mirror)
    record.create(plan, store.hash, **more)
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
    snapshots.install(plan.folder)
    record.update(plan.folder, state="running", budget=vars(plan.budget))
    since = _since(began)
    spent = Spent(search.spent.hours + since.hours, search.spent.gpu_hours)
    return _run(plan, trainable, spent, resuming=True, mirror=mirror)


def resumable(folder: Path, more: Mapping[str, str | None] | None = None, remote: str | None = None) -> Resumable:
    """The search in `folder`, if it can go on, with its budget changed as `more` says (`Budget.extended`).

    Args:
        remote: the address whose mirror the folder is, with what is there (`mirror.pulled`).

    Raises:
        OptionError: a limit that cannot be understood, or one that is spent already.
        SearchError: it is finished, being run, its state is gone, or others could have written it (Ray's state is
            code).
        StoreError: its store is gone or has changed.
    """
    about = record.read(folder)
    _check_owner(folder)
    with owning(folder):  # for this look; `resume` does it again, but who cannot should hear of it before Ray starts
        if not snapshots.exists(folder):
            raise SearchError(f"{folder} was killed before its first trial was recorded; remove it and start it again")
        for path in snapshots.trusted(folder):
            _check_no_link(path)
            _check_owner(path)
    plan = planning.from_json(folder, about, remote)
    plan = replace(plan, budget=plan.budget.extended(dict(more or {})))
    spent = Spent(about["spent"]["hours"], about["spent"]["gpu_hours"])
    _check_budget(plan, about, spent)
    store_of(folder, say=print)
    return Resumable(plan, spent, _changes(plan, about))


def store_of(folder: Path, say: node_copy.Say = node_copy.quiet) -> Store:
    """The store that the search in `folder` began with; one at an address is copied here, if it is not yet, and `say`
    hears where to.

    Raises:
        StoreError: it is gone or has changed.
    """
    about = record.read(folder)["store"]
    return node_copy.open_store(about["path"], about["hash"], say=say, progress=True)


def _check_owner(path: Path) -> None:
    status = path.stat()
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o002):
        raise SearchError(f"{path} must be owned by you and not writable by others: resuming runs code from it")


def _check_no_link(path: Path) -> None:
    if path.is_symlink():
        raise SearchError(f"{path} is a link to {path.readlink()}: resuming would run code from there; remove it")


def _check_budget(plan: Plan, about: dict[str, Any], spent: Spent) -> None:
    """There is something left to do, and time to do it."""
    started, trials = about["spent"]["trials"], plan.budget.trials
    if trials is not None and trials < started:
        raise OptionError(f"--trials: {plan.name} has started {started} trials already, but got {trials}; name more")
    if about["state"] == FINISHED and trials == started:
        raise SearchError(f"{plan.where} is finished: to go on with it, give it more: --trials +20")
    if reached := plan.budget.reached(spent):
        raise OptionError(f"{plan.where} has spent its {reached}; to go on, give it more: --hours +5 or --gpu-hours +5")


def _changes(plan: Plan, about: dict[str, Any]) -> list[str]:
    """What is not as it was when the search began, and what that means."""
    notes = []
    if about["code"] != record.code_hash():
        notes.append("the training code has changed since: trials from now on may not compare with those before")
    for name, now in record.versions().items():
        if (was := about["versions"].get(name)) != now:
            notes.append(f"{name} is {now} now, and was {was}")
    if not _is_as_it_was(plan.space):
        notes.append(f"the space {plan.space.source} has changed since: the search goes on with the one it began with")
    return notes


def _is_as_it_was(space: Space) -> bool:
    if not space.source:  # of a confirmation, made of its search's space
        return True
    try:
        now = spaces.load(space.source)
    except SpaceError:
        return False
    return (now.distributions, now.fixed) == (space.distributions, space.fixed)


def _run(
    plan: Plan,
    trainable: type[tune.Trainable],
    spent: Spent,
    resuming: bool = False,
    mirror: Mirror | None = None,
) -> list[Row]:
    """Run to the end; then the study is exported and search.json says how it ended."""
    searcher = study.searcher(plan.space, plan.seed, plan.name)
    meter = Meter(plan.budget, plan.resources, spent)
    os.environ["TUNE_GLOBAL_CHECKPOINT_S"] = f"{snapshot_seconds(plan.budget.trials):g}"
    room = Room(plan.folder, planning.trial_gb(plan))
    proposals = Proposals(searcher, plan.resources.concurrent, plan.budget.trials, plan.folder, resuming, room)
    judge = Failures(meter)
    analysis = tune.run(trainable, **_arguments(plan, proposals, meter, judge, resuming, mirror))
    ended = rows(analysis.trials, plan.space.distributions, plan.epochs)
    patiently(study.export)(
        searcher, plan.folder, [each.trial_id for each in analysis.trials if each.status == Trial.ERROR]
    )
    complete = len(ended) == plan.budget.trials and all(row.status in ENDED for row in ended)
    if complete:
        checkpoints.sweep(plan.folder, mirror.remove if mirror else None)
    state = FINISHED if complete else SPENT if meter.reached else FAILING if judge.failing else INTERRUPTED
    patiently(record.close)(plan.folder, state, failed=failures.grouped(analysis.trials), failing=judge.failing)
    return ended


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
        "store_hash": record.read(plan.folder)["store"]["hash"],
        "cpus": resources.cpus,
        # A trial without a GPU of its own sees all of them (RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO).
        "device": "auto" if resources.gpus else "cpu",
        **plan.execution,
        **({files.ADDRESS: plan.remote} if plan.remote else {}),
    }
    if hub := nodes.hub(plan):
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
            checkpoints.Sweeper(plan.keep, snapshot_seconds(plan.budget.trials), removing),
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


class Moved(tune.Callback):
    """Trials that a search had before it was resumed are told where it is kept now."""

    def __init__(self, remote: str | None) -> None:
        self._remote = remote
        self._told = False

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if self._told:
            return
        self._told = True
        for trial in trials:
            trial.config[SHARED].pop(files.ADDRESS, None)
            if self._remote:
                trial.config[SHARED][files.ADDRESS] = self._remote


def snapshot_seconds(trials: int | None) -> float:
    """Between two of Ray's snapshots of the search, and so what a killed driver forgets: a second up to 400 trials.

    A snapshot writes every trial (0.13 s a thousand, benchmarks/README.md): of larger searches there are fewer.
    """
    return max(1.0, (trials or 0) / 400)


def _since(began: float | None) -> Spent:
    return Spent(hours=0.0 if began is None else (time.monotonic() - began) / 3600)


def start_ray(address: str | None = None, install: bool = False) -> None:
    """Join the cluster at `address`, or start Ray on this machine alone: no dashboard, loopback only.

    Args:
        install: let Ray install the packages on the cluster's nodes.

    Raises:
        OptionError: as for `nodes.join`.
    """
    warnings.filterwarnings("ignore", module=r"ray\..*")
    warnings.filterwarnings("ignore", "The reported value is ignored")  # of an epoch done twice
    logging.getLogger("ray").setLevel(logging.ERROR)
    for name in ("ray.tune.execution.tune_controller", "ray.tune.tune"):
        logging.getLogger(name).addFilter(_is_news)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Spinning threads of one trial would take the cores from the others: passive ones cost 3% alone, nothing shared.
    variables = {"OMP_WAIT_POLICY": "PASSIVE", **_cache_named_here()}
    if ray.is_initialized():
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address:
        with signals.kept(signal.SIGTERM):
            nodes.join(address, **quiet, runtime_env={"env_vars": variables, **nodes.environment(install)})
    else:
        # "local": without it Ray would look for a cluster that somebody else has started on this machine.
        # Trials share the store through the page cache, so the object store can be small.
        alone = {"num_cpus": cpu_cores(), "include_dashboard": False, "object_store_memory": 128 * 2**20}
        here = {"env_vars": {"PYTHONPATH": str(ROOT), **variables}}
        ray_constants.ENABLE_RAY_CLUSTER = False  # as on Windows by default: loopback, where Linux has every network
        with signals.kept(signal.SIGTERM):
            ray.init(address="local", **alone, **quiet, runtime_env=here)


def _cache_named_here() -> dict[str, str]:
    """Where copies of stores are kept, if this process was told: the other nodes keep theirs at the same path."""
    named = os.environ.get(addresses.CACHE)
    return {addresses.CACHE: str(Path(named).expanduser().absolute())} if named else {}


def cluster_size() -> tuple[int, int]:
    """CPU cores and GPUs of the cluster that `start_ray` joined."""
    total = ray.cluster_resources()
    return int(total.get("CPU", 0)), int(total.get("GPU", 0))


def _is_news(record: logging.LogRecord) -> bool:
    """Drop Ray's tracebacks of failed trials: `Progress` says it in a line, error.txt keeps the whole."""
    return not record.getMessage().startswith(("Trial task failed", "Trials did not complete"))


def trial_name(trial: Trial) -> str:
    """ "trial-001" for the first; the number leads Ray's experiment tag."""
    return f"trial-{int(trial.experiment_tag.split('_')[0]):03d}"
