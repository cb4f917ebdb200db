"""Asks two Ray nodes on this machine whether they are fit for trials, and prints what was said.

python -m tests.tuning.nodes_run WHAT RUNS STORE
"""

import sys
from importlib import metadata
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from errors import MasktuneError
from tuning import nodes, search


def main(what: str, runs: str, store: str) -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    cluster.add_node(num_cpus=3)
    search.start_ray(cluster.address)
    print("sizes", nodes.sizes())
    if what == "another version":
        here = metadata.version
        metadata.version = lambda name: "0.1" if name == "optuna" else here(name)
    try:
        nodes.check(Path(runs), store, 0.001 if what == "no answer" else nodes.ANSWER_SECONDS)
        print("said nothing")
    except MasktuneError as error:
        print("said", error)
    ray.shutdown()
    cluster.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
