"""Runs one search: Ray Tune places the trials, Optuna proposes them, ASHA stops them."""

from __future__ import annotations

import logging
import os
import warnings
from pathlib import Path
from typing import Any

# Ray reads these when it is imported.
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # our own loggers write to the search folder
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1")  # a killed driver forgets at most a second
os.environ.setdefault("RAY_CHDIR_TO_TRIAL_DIR", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")  # the old reporter is the one that verbose=0 silences

import optuna
import ray
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.logger import JsonLoggerCallback

from data_prep.store import Store
from errors import SearchError, StoreError
from trainable.ray_trainable import SHARED, RayTrial
from tuning import checkpoints, record, study
from tuning.asha import Asha
from tuning.plan import Plan
from tuning.progress import Progress
from tuning.record import Recorder
from tuning.resources import cpu_cores
from tuning.rows import ENDED, Row, rows
from tuning.tensorboard import TensorBoard

ROOT = Path(__file__).resolve().parent.parent
MAX_FAILURES = 1
"""A trial that fails goes on once from its last checkpoint; then it counts as failed and the search goes on."""


def run(plan: Plan, store: Store, trainable: type[tune.Trainable] = RayTrial) -> list[Row]:
    """Run `plan` to its end, or until Ctrl-C; Ray must have been started (`start_ray`).

    Returns:
        one Row a trial, in the order they were started. search.json's state says how it ended.
    """
    record.create(plan, store.hash)
    return _finish(_tuner(plan, store, trainable), plan.folder)


def resume(folder: Path, trainable: type[tune.Trainable] = RayTrial) -> list[Row]:
    """Go on with an interrupted search: finished trials stay, running ones go on from their last epoch."""
    about = check_resumable(folder)
    resources = about["resources"]
    tuner = tune.Tuner.restore(
        str(folder),
        tune.with_resources(trainable, {"cpu": resources["cpus"], "gpu": resources["gpus"]}),
        resume_unfinished=True,
        resume_errored=False,
    )
    record.update(folder, state="running")
    return _finish(tuner, folder)


def check_resumable(folder: Path) -> dict[str, Any]:
    """search.json of a search that can go on.

    Raises:
        SearchError: it is finished, its state is gone, or others could have written it (Ray's state is code).
        StoreError: its store is gone or has changed.
    """
    about = record.read(folder)
    if about["state"] == "finished":
        raise SearchError(f"{folder} is finished: there is nothing to go on with; start another search")
    if not (folder / "tuner.pkl").exists() or not list(folder.glob("experiment_state-*.json")):
        raise SearchError(f"{folder} was killed before its first trial was recorded; remove it and start it again")
    status = folder.stat()
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & 0o002):
        raise SearchError(f"{folder} must be owned by you and not writable by others: resuming runs code from it")
    store = Store.open(Path(about["store"]["path"]))
    if store.hash != about["store"]["hash"]:
        raise StoreError(f"{store.path} is not the store that {folder} began with; prepare that one again")
    return about


def _finish(tuner: tune.Tuner, folder: Path) -> list[Row]:
    """Run to the end; then the study is exported and search.json says how it ended."""
    trials = tuner.fit()._experiment_analysis.trials
    about = record.read(folder)
    ended = rows(trials, about["varies"], about["epochs"])
    study.export(tuner._local_tuner._tune_config.search_alg, folder)
    complete = len(ended) == about["trials"] and all(row.status in ENDED for row in ended)
    if complete:
        checkpoints.sweep(folder)
    record.close(folder, "finished" if complete else "interrupted")
    return ended


def start_ray(address: str | None = None) -> None:
    """Join the cluster at `address`, or start Ray on this machine alone: no dashboard, loopback only."""
    warnings.filterwarnings("ignore", module=r"ray\..*")
    logging.getLogger("ray").setLevel(logging.ERROR)
    for name in ("ray.tune.execution.tune_controller", "ray.tune.tune"):
        logging.getLogger(name).addFilter(_is_news)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Spinning threads of one trial would take the cores from the others: passive ones cost 3% alone, nothing shared.
    environment = {"env_vars": {"PYTHONPATH": str(ROOT), "OMP_WAIT_POLICY": "PASSIVE"}}
    if ray.is_initialized():
        return
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "runtime_env": environment}
    if address:
        ray.init(address=address, **quiet)
    else:
        # Trials share the store through the page cache, so the object store can be small.
        ray.init(num_cpus=cpu_cores(), include_dashboard=False, object_store_memory=128 * 2**20, **quiet)


def cluster_size() -> tuple[int, int]:
    """CPU cores and GPUs of the cluster that `start_ray` joined."""
    total = ray.cluster_resources()
    return int(total.get("CPU", 0)), int(total.get("GPU", 0))


def _tuner(plan: Plan, store: Store, trainable: type[tune.Trainable]) -> tune.Tuner:
    keys = list(plan.space.distributions)
    resources = plan.resources
    shared = {
        "settings": plan.settings,
        "store": str(store.path),
        "cpus": resources.cpus,
        "folder": str(plan.folder),
    }
    return tune.Tuner(
        tune.with_resources(trainable, {"cpu": resources.cpus, "gpu": resources.gpus}),
        param_space={SHARED: shared},
        tune_config=tune.TuneConfig(
            search_alg=study.searcher(plan.space, plan.seed, plan.name),
            scheduler=Asha(plan.epochs, plan.grace, plan.reduction),
            num_samples=plan.trials,
            max_concurrent_trials=resources.concurrent,
            reuse_actors=True,
            trial_name_creator=trial_name,
            trial_dirname_creator=trial_name,
        ),
        run_config=tune.RunConfig(
            name=plan.name,
            storage_path=str(plan.folder.parent),
            stop={"training_iteration": plan.epochs},
            verbose=0,
            callbacks=[
                JsonLoggerCallback(),
                TensorBoard(keys),
                checkpoints.Sweeper(),
                Recorder(plan.folder, keys, plan.epochs),
                Progress(keys, plan.trials, plan.epochs),
            ],
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2, checkpoint_frequency=1, checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=MAX_FAILURES),
        ),
    )


def _is_news(record: logging.LogRecord) -> bool:
    """Drop Ray's tracebacks of failed trials: `Progress` says it in a line, error.txt keeps the whole."""
    return not record.getMessage().startswith(("Trial task failed", "Trials did not complete"))


def trial_name(trial: Trial) -> str:
    """ "trial-001" for the first; the number leads Ray's experiment tag."""
    return f"trial-{int(trial.experiment_tag.split('_')[0]):03d}"
