"""A search on several Ray nodes of this machine, each with one pretended GPU, and what happens to them meanwhile.

    python -m tests.faults.on_nodes SCENARIO RUNS STORE NODES TRIALS

Prints what was seen as the last line, JSON.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
from ray.cluster_utils import Cluster

from common.security.own_ray import without_side_processes
from data_prep.store.store import Store
from tests.faults.test_driver import times_repeated
from tests.tuning.helpers.curve_trial import CurveTrial
from tests.tuning.helpers.plans import small_plan
from tuning import search
from tuning.cluster import session
from tuning.plan.budget import Budget
from tuning.plan.resources import Resources

ROOT = Path(__file__).resolve().parents[2]
EPOCH = 0.5
"""Seconds."""


class Placed(CurveTrial):
    """Writes down when each of its epochs ran, and on which node."""

    def step(self) -> dict[str, Any]:
        node, began = ray.get_runtime_context().get_node_id(), time.time()
        time.sleep(EPOCH)
        while (self._folder().parent / f"held-{node}").exists():
            time.sleep(0.1)
        with (self._folder() / "epochs.jsonl").open("a") as log:
            log.write(json.dumps({"node": node, "began": began, "ended": time.time()}) + "\n")
        return super().step()


@without_side_processes()
def main(scenario: str, runs: str, store: str, nodes: str, trials: str) -> None:
    os.environ["PYTHONPATH"] = str(ROOT)  # for the trial's class: tests do not travel
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    gpus = [add(cluster, number) for number in range(int(nodes))]
    session.start_ray(cluster.address)
    opened = Store.open(store)
    chosen = {"resources": Resources(1, 1, int(nodes)), "budget": Budget(trials=int(trials)), "grace": 9}
    plan = small_plan(Path(runs), opened, **chosen)
    with ThreadPoolExecutor() as pool:  # Ray adds nodes in the main thread only
        running = pool.submit(search.run, plan, opened, Placed)
        if scenario != "nothing":
            disturb(cluster, gpus, plan.folder, running.done)
        rows = running.result()
    seen = epochs(plan.folder)
    result = {
        "status": Counter(row.status for row in rows),
        "nodes_used": len({each["node"] for each in seen}),
        "at_once_on_one_gpu": max(at_once(each) for each in by_node(seen).values()),
        "repeated": sum(times_repeated(folder) for folder in plan.folder.glob("trial-*")),
        "idle": idle_share(seen),
    }
    print(json.dumps(result), flush=True)
    os._exit(0)  # the nodes that died make a clean end long


def add(cluster: Cluster, number: int) -> Any:
    """A node with a folder of its own for the code, as a machine has: a new one would replace the others' there."""
    return cluster.add_node(num_cpus=1, num_gpus=1, runtime_env_dir_name=f"machine-{number}")


def disturb(cluster: Cluster, gpus: list[Any], folder: Path, done: Callable[[], bool]) -> None:
    """All nodes but one die while they train, at most one of them after another has come. That one trains before: until
    then the others are held, or on a busy machine the search could be done before its worker has started."""

    def trains(node: Any) -> None:
        now = time.time()
        while not any(each["node"] == node.node_id and each["began"] > now for each in epochs(folder)):
            if done():
                raise RuntimeError("the search was done before all this had happened to it")
            time.sleep(0.1)

    def dies(node: Any) -> None:
        trains(node)
        cluster.remove_node(node, allow_graceful=False)

    first = max(1, len(gpus) - 2)
    for node in gpus[:first]:
        dies(node)
    held = [folder / f"held-{node.node_id}" for node in gpus[first:]]
    for file in held:
        file.touch()
    trains(add(cluster, len(gpus)))
    for file in held:
        file.unlink()
    for node in gpus[first:-1]:
        dies(node)


def epochs(folder: Path) -> list[dict[str, Any]]:
    """Those that have ended, in no order."""
    return [json.loads(line) for file in folder.glob("*/epochs.jsonl") for line in file.read_text().splitlines()]


def by_node(seen: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    ordered = sorted(seen, key=lambda each: each["node"])
    return {node: list(group) for node, group in itertools.groupby(ordered, key=lambda each: each["node"])}


def at_once(seen: list[dict[str, Any]]) -> int:
    """The most epochs that ran at one moment."""
    changes = sorted([(each["ended"], -1) for each in seen] + [(each["began"], 1) for each in seen])
    return max(itertools.accumulate(change for _, change in changes))


def idle_share(seen: list[dict[str, Any]]) -> float:
    """Of the nodes' time from the first epoch of each to when the first of them has nothing left to do."""
    nodes = by_node(seen).values()
    end = min(max(each["ended"] for each in theirs) for theirs in nodes)
    held = sum(end - min(each["began"] for each in theirs) for theirs in nodes)
    busy = sum(max(0.0, min(each["ended"], end) - each["began"]) for theirs in nodes for each in theirs)
    return 1 - busy / held


if __name__ == "__main__":
    main(*sys.argv[1:])
