"""Prepares a dataset on a Ray cluster of two nodes on this machine, four times, and does to it what each scenario says.

    python cluster_run.py IMAGES LABELS OUT

Run by test_cluster.py in a process of its own, beside the tests' Ray. Prints what came of each as the last line, JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import ray
from ray.cluster_utils import Cluster

from common import machine
from common.errors import MasktuneError
from common.security.own_ray import without_side_processes
from data_prep.prepare import cluster as module
from data_prep.prepare import prepare as preparing
from data_prep.prepare.draft import Draft
from data_prep.prepare.inputs import Source
from data_prep.prepare.target import Target, Workforce


@dataclass
class Run:
    """One preparation: what it said, the parts it kept, the nodes that had workers, and what is done to it meanwhile.

    Attributes:
        happens: called when a part has been kept; False: again after the next one.
        waits: whether no part is given yet, by the crew and the parts that were kept.
        hook: a line with which workers begin, after the module that it changes: a fake for a rare fault.
    """

    happens: Callable[[Run], bool] = lambda run: True
    waits: Callable[[Run], bool] = lambda run: False
    hook: tuple[str, str] | None = None
    said: list[str] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)
    crew: Any = None

    @property
    def both_are_ready(self) -> bool:
        return len(self.crew._workers) == 2 and not self.crew._joining

    def prepare(self, source: Source, out: Path, address: str) -> dict[str, object]:
        hire, give, keep = module._Crew.hire, module._Crew.give, Draft.keep
        happened = False

        def hired(crew: Any) -> None:
            hire(crew)
            self.crew = crew
            self.hosts.update(seat.node for seat in crew._workers)

        def given(crew: Any, waiting: Any) -> None:
            if not self.waits(self):
                give(crew, waiting)

        def kept(draft: Draft, part: Any, record: Any) -> None:
            nonlocal happened
            keep(draft, part, record)
            self.kept.append(part.number)
            happened = happened or self.happens(self)

        with (
            patch.object(module._Crew, "hire", hired),
            patch.object(module._Crew, "give", given),
            patch.object(Draft, "keep", kept),
            patch.dict(os.environ, {"PYTHONPATH": _hook(*self.hook)} if self.hook else {}),
        ):
            return {
                **self._prepared(source, out, address),
                "said": self.said,
                "kept": self.kept,
                "nodes": len(self.hosts),
            }

    def _prepared(self, source: Source, out: Path, address: str) -> dict[str, object]:
        target = Target(out, background="keep", size=(40, 30))
        try:
            preparing.prepare(source, target, Workforce(cluster=address), say=self.said.append)
        except MasktuneError as error:
            return {"error": f"{type(error).__name__}: {error}"}
        finally:
            ray.shutdown()  # the next one joins with an environment of its own
        return {}


def _hook(name: str, line: str) -> str:
    """A folder whose sitecustomize.py runs `line` in every worker, where `module` is one of data_prep.photos."""
    folder = Path(tempfile.mkdtemp())
    (folder / "sitecustomize.py").write_text(f"import os\nfrom data_prep.photos import {name} as module\n{line}\n")
    return str(folder)


@without_side_processes()
def main(images: str, labels: str, out: str) -> None:
    preparing.PHOTOS_PER_SHARD = 4
    module.TRIES = 2
    nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    added: list[Any] = []

    def second_joins_late_then_workers_die(run: Run) -> bool:
        if not added:
            added.append(nodes.add_node(num_cpus=1))
        elif run.both_are_ready:
            kill_workers()
            return True
        return False

    def node_dies(run: Run) -> bool:
        if len(run.kept) == 2:
            nodes.remove_node(added[0], allow_graceful=False)
        return len(run.kept) == 2

    victim = Path(images) / Path(labels).read_text().split(",")[-1].strip() / "normal.jpg"
    deadly = f"was = module.load\nmodule.load = lambda file: os._exit(1) if str(file) == {str(victim)!r} else was(file)"
    # A part takes most of a second, so that the machine that is lost has one at hand.
    slow = "import time\nwas = module.load\nmodule.load = lambda file: (time.sleep(0.2), was(file))[1]"
    scenarios = {
        # First, while there is one machine: two would have twice as many workers die.
        "never ready": Run(hook=("background", "module.load = lambda method: os._exit(1)")),
        "workers die": Run(
            second_joins_late_then_workers_die, waits=lambda run: bool(run.kept) and not run.both_are_ready
        ),
        "photo kills": Run(hook=("decode", deadly)),
        "node dies": Run(node_dies, waits=lambda run: not run.kept and not run.both_are_ready, hook=("decode", slow)),
    }
    source = Source(Path(images), Path(labels))
    found = {name: run.prepare(source, Path(out) / name, nodes.address) for name, run in scenarios.items()}
    print(json.dumps(found), flush=True)
    nodes.shutdown()


def kill_workers() -> None:
    """SIGKILL every process of a worker of this cluster, as a machine that is short of memory does."""
    for process in machine.descendants(os.getpid()):
        with suppress(OSError):
            if Path(f"/proc/{process}/cmdline").read_bytes().startswith(b"ray::Worker"):
                os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
