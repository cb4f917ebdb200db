"""Prepares a dataset on a Ray cluster of several nodes on this machine, and does to it what the scenario says.

    python cluster_run.py SCENARIO IMAGES LABELS OUT

Run by test_cluster.py in a process of its own: Ray can be started once a process. Prints what was said, then JSON.
"""

import json
import os
import signal
import sys
import tempfile
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from common.errors import MasktuneError
from data_prep.prepare import cluster as module
from data_prep.prepare import prepare as preparing
from data_prep.prepare.draft import Draft
from data_prep.prepare.inputs import Source
from data_prep.prepare.target import Target, Workforce

preparing.PHOTOS_PER_SHARD = 4
keep = Draft.keep


def main(scenario: str, images: str, labels: str, out: str) -> None:
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    extra = [nodes.add_node(num_cpus=1)] if scenario != "workers die" else []
    kept: list[int] = []

    def on_keep(self: Draft, part: object, record: object) -> None:
        keep(self, part, record)  # type: ignore[arg-type]
        kept.append(part.number)  # type: ignore[attr-defined]
        if len(kept) == 2 and scenario == "node dies":
            nodes.remove_node(extra[0], allow_graceful=False)
        if len(kept) == 1 and scenario == "workers die":
            nodes.add_node(num_cpus=1)
        if len(kept) == 3 and scenario == "workers die":
            kill_workers()

    Draft.keep = on_keep  # type: ignore[method-assign]
    if scenario == "photo kills":
        victim = Path(images) / Path(labels).read_text().split(",")[-1].strip() / "normal.jpg"
        deadly(
            "decode", f"decode.load = lambda file: os._exit(1) if str(file) == {str(victim)!r} else was(file)", "load"
        )
    if scenario == "never ready":
        deadly("background", "background.load = lambda method: os._exit(1)", "load")
    said: list[str] = []
    hosts: set[str] = set()
    crew = module._Crew.hire

    def hire(self: module._Crew) -> None:
        crew(self)
        hosts.update(seat.node for seat in self._workers)

    module._Crew.hire = hire  # type: ignore[method-assign]
    give = module._Crew.give

    def give_to_both(self: module._Crew, waiting: object) -> None:
        """No part before both machines are ready: the one that dies is at some then."""
        if (len(self._workers) == 2 and not self._joining) or kept:
            give(self, waiting)  # type: ignore[arg-type]

    if scenario == "node dies":
        module._Crew.give = give_to_both  # type: ignore[method-assign]
    result: dict[str, object] = {}
    try:
        target = Target(Path(out), background="keep", size=(40, 30))
        workforce = Workforce(cluster=nodes.address)
        preparing.prepare(Source(Path(images), Path(labels)), target, workforce, say=said.append)
    except MasktuneError as error:
        result["error"] = f"{type(error).__name__}: {error}"
    print("RESULT", json.dumps({**result, "said": said, "kept": kept, "nodes": len(hosts)}))
    ray.shutdown()
    nodes.shutdown()


def kill_workers() -> None:
    """SIGKILL every process of a worker, as a machine that is short of memory does."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cmdline").read_bytes().startswith(b"ray::Worker"):
                os.kill(int(process.name), signal.SIGKILL)
        except OSError:
            continue


def deadly(module_name: str, line: str, name: str) -> None:
    """From now on workers begin with `line`, in which somebody dies: a fake for memory that runs out."""
    hook = Path(tempfile.mkdtemp()) / "sitecustomize.py"
    hook.write_text(f"import os\nfrom data_prep.photos import {module_name}\nwas = {module_name}.{name}\n{line}\n")
    module.ROOT = f"{hook.parent}{os.pathsep}{module.ROOT}"  # type: ignore[assignment]


if __name__ == "__main__":
    main(*sys.argv[1:])
