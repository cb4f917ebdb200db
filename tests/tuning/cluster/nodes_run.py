"""Asks two Ray nodes on this machine whether they are fit for trials, in several situations.

    python -m tests.tuning.cluster.nodes_run RUNS STORE

Prints what was said in each as the last line, JSON.
"""

from __future__ import annotations

import json
import sys
from importlib import metadata
from pathlib import Path
from unittest.mock import patch

import ray
from ray.cluster_utils import Cluster

from common.errors import MasktuneError
from common.security.own_ray import without_side_processes
from tuning.cluster import checks, joining, session


@without_side_processes()
def main(runs: str, store: str) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=3)
    session.start_ray(cluster.address)
    found = {
        "sizes": joining.sizes(),
        "alike": said(runs, store),
        "no answer": said(runs, store, seconds=0.001),
        "no store": said(runs, "/nowhere"),
    }
    here = metadata.version
    with patch.object(metadata, "version", lambda name: "0.1" if name == "optuna" else here(name)):
        found["another version"] = said(runs, store)
    ray.shutdown()
    cluster.shutdown()
    print(json.dumps(found))


def said(runs: str, store: str, seconds: float = checks.ANSWER_SECONDS) -> str:
    try:
        checks.check(Path(runs), store, seconds)
    except MasktuneError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    main(*sys.argv[1:])
