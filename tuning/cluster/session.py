"""Ray, started on this machine alone, or joined where a cluster runs."""

from __future__ import annotations

import logging
import os
import signal
import warnings
from pathlib import Path

import optuna
import ray

from common import ray_cluster
from common.addresses import uris
from common.machine import cpu_cores
from common.repository import python_path
from common.security import own_ray
from tuning import ray_internals, signals
from tuning.cluster import joining

HOW_RAY_RUNS = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # our own loggers write to the search folder
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_AIR_NEW_OUTPUT": "0",  # the old reporter is the one that verbose=0 silences
}
"""Variables that Ray reads when it uses them, unless the user has set them."""


def start_ray(cluster: str | None = None, install: bool = False) -> None:
    """Join the `cluster`, at HOST:PORT or "auto", or start Ray for this process alone: no dashboard, and nobody else
    reaches it (common/security/own_ray.py).

    Args:
        install: let Ray install the packages on the cluster's nodes.

    Raises:
        OptionError: as for `joining.join`, or `own_ray.own_folder`.
    """
    for name, value in HOW_RAY_RUNS.items():
        os.environ.setdefault(name, value)
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
    if cluster:
        with signals.kept(signal.SIGTERM):
            joining.join(cluster, runtime_env={"env_vars": variables, **joining.environment(install)})
    else:
        # Trials share the store through the page cache, so the object store can be small.
        alone = {"num_cpus": cpu_cores(), "include_dashboard": False, "object_store_memory": 128 * 2**20}
        # SIGTERM may be for every process at once (systemd, scancel): this one ends the others when it is ready.
        # Ray does the same with SIGINT.
        with signals.kept(signal.SIGTERM), signals.blocked(signal.SIGTERM):
            own_ray.start({**python_path(), **variables}, **ray_cluster.QUIET, **alone)
        ray_internals.end_at_once()
        ray_internals.start_workers_once()


def _cache_named_here() -> dict[str, str]:
    """Where copies of stores are kept, if this process was told: the other nodes keep theirs at the same path."""
    named = os.environ.get(uris.CACHE)
    return {uris.CACHE: str(Path(named).expanduser().absolute())} if named else {}


def cluster_size() -> tuple[int, int]:
    """CPU cores and GPUs of the cluster that `start_ray` joined."""
    total = ray.cluster_resources()
    return int(total.get("CPU", 0)), int(total.get("GPU", 0))


def _is_news(record: logging.LogRecord) -> bool:
    """Drop Ray's tracebacks of failed trials: `Progress` says it in a line, error.txt keeps the whole."""
    return not record.getMessage().startswith(("Trial task failed", "Trials did not complete"))
