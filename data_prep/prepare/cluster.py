"""Parts made on the machines of a Ray cluster: a worker for each GPU, or for each machine that has none.

The only file of this package that knows Ray. Photos and the store lie where every machine sees them. A worker that is
lost gives its parts back; a machine that joins late gets a worker too.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from common import ray_cluster
from common.errors import MasktuneError, StoreError
from common.repository import python_path
from data_prep.prepare.parts import Job, Part, Record
from data_prep.prepare.tally import Tally
from data_prep.prepare.this_machine import AT_A_TIME
from data_prep.prepare.worker import Worker

TRIES = 3
"""How often a part may take its worker with it before the run stops, and a seat lose one that was not ready yet."""

LOOK_SECONDS = 1.0
"""Between two looks at how far workers are, and at which machines there are."""


@dataclass(frozen=True)
class Seat:
    """Where a worker can be: a GPU of a machine, or the machine. Nothing but its name tells seats apart."""

    node: str
    name: str
    number: int
    cpus: float
    gpus: float


def seats() -> list[Seat]:
    """Find a seat for each GPU of the cluster's machines, and one for each machine that has cores but no GPU."""
    found = []
    for node in ray.nodes():
        cpus, gpus = node["Resources"].get("CPU", 0), int(node["Resources"].get("GPU", 0))
        if not node["Alive"] or cpus < 1:
            continue
        share = max(1, cpus // max(1, gpus))
        found += [
            Seat(node["NodeID"], node["NodeManagerHostname"], number, share, min(gpus, 1))
            for number in range(max(1, gpus))
        ]
    return found


def make_there(
    parts: Sequence[Part],
    job: Job,
    background: str,
    threads: int | None,
    cluster: str,
    said: Tally,
    say: Callable[[str], None],
) -> Generator[tuple[Part, Record]]:
    """Make the parts on the cluster at the address `cluster`; yields each when it is done.

    Args:
        background: the method's name; every worker loads it for itself.
        threads: of a worker; None: as many as its share of the machine's cores.
        said: told how many photos are done, and of those that cannot be used.

    Raises:
        OptionError: no cluster is there. StoreError: as for `parts.make`, or a part whose workers die.
    """
    _join(cluster)
    crew = _Crew(job, background, threads, say)
    waiting, tries = deque(parts), Counter[int]()
    finished = 0
    try:
        while waiting or crew.busy:
            crew.hire()
            crew.give(waiting)
            for part, record in crew.ended():
                if record is None:
                    tries[part.number] += 1
                    if tries[part.number] == TRIES:
                        raise StoreError(
                            f"{TRIES} workers died at the photos from {part.photos[0].path} on: look at their "
                            "machines' memory; what is done is kept: run the same command again"
                        )
                    waiting.appendleft(part)
                    continue
                finished += record.photos
                said.heard(part, record)
                yield part, record
            said.moved(finished + crew.done())
    finally:
        crew.dismiss()


class _Crew:
    """The workers there are, and what each is at."""

    def __init__(self, job: Job, background: str, threads: int | None, say: Callable[[str], None]) -> None:
        self._job = replace(job, background=replace(job.background, segment=None))  # a segmenter cannot travel
        self._background, self._versions = background, job.background.versions()
        self._threads, self._say = threads, say
        self._workers: dict[Seat, Any] = {}
        self._joining: dict[Any, Seat] = {}
        self.busy: dict[Any, tuple[Seat, Part]] = {}
        self._failed = Counter[Seat]()
        self._looked_at = 0.0
        self._said_that_there_is_none = False

    def hire(self) -> None:
        """Hire a worker for every seat that has none. It takes parts once it is ready: Ray may lack room for it yet."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = time.monotonic()
        found = seats()
        self._check(found)
        for seat in found:
            if seat in self._workers or self._failed[seat] == TRIES:
                continue
            where = NodeAffinitySchedulingStrategy(seat.node, soft=False)
            actor = ray.remote(Worker).options(
                num_cpus=seat.cpus, num_gpus=seat.gpus, scheduling_strategy=where, max_concurrency=AT_A_TIME + 1
            )
            worker = actor.remote(self._job, self._background, self._versions, self._threads or int(seat.cpus))
            self._workers[seat] = worker
            self._joining[worker.ready.remote()] = seat

    def _check(self, found: list[Seat]) -> None:
        """Say so where there is no seat yet; raise where workers die in all of them before they are ready."""
        if not found and not self._said_that_there_is_none:
            self._said_that_there_is_none = True
            self._say("no machine of the cluster has a core or a GPU; waiting for one to join")
        if found and all(self._failed[seat] == TRIES for seat in found):
            raise StoreError(
                f"workers die on {', '.join(sorted({seat.name for seat in found}))} before they are ready: look at the "
                "machines' memory and at Ray's logs; what is done is kept: run the same command again"
            )

    def give(self, waiting: deque[Part]) -> None:
        """Give parts to the workers that are ready and have fewer than AT_A_TIME, to each in turn."""
        load = Counter(seat for seat, _ in self.busy.values())
        joining = set(self._joining.values())
        for _ in range(AT_A_TIME):
            for seat, worker in self._workers.items():
                if waiting and seat not in joining and load[seat] < AT_A_TIME:
                    part = waiting.popleft()
                    self.busy[worker.make.remote(part)] = (seat, part)
                    load[seat] += 1

    def ended(self) -> list[tuple[Part, Record | None]]:
        """Take the parts that have ended since, with None where the worker was lost; wait a moment for one."""
        pending = [*self.busy, *self._joining]
        if not pending:
            time.sleep(LOOK_SECONDS)
            return []
        ready, _ = ray.wait(pending, num_returns=1, timeout=LOOK_SECONDS)
        found: list[tuple[Part, Record | None]] = []
        for ref in ready:
            try:
                result = ray.get(ref)
            except ray.exceptions.RayTaskError as error:
                raise _as_it_was_raised(error) from None
            except ray.exceptions.RayError:
                found += self._lose(self._joining.get(ref) or self.busy[ref][0])
                continue
            if self._joining.pop(ref, None) is None:
                _, part = self.busy.pop(ref)
                found.append((part, result))
        return found

    def done(self) -> int:
        """Count the photos of unfinished parts that are done."""
        by_seat: dict[Seat, list[int]] = {}
        for seat, part in self.busy.values():
            by_seat.setdefault(seat, []).append(part.number)
        asked = [self._workers[seat].done.remote(numbers) for seat, numbers in by_seat.items()]
        answered, _ = ray.wait(asked, num_returns=len(asked), timeout=LOOK_SECONDS) if asked else ([], [])
        total = 0
        for ref in answered:
            try:
                total += ray.get(ref)
            except ray.exceptions.RayError:
                continue  # `ended` hears of it
        return total

    def dismiss(self) -> None:
        for worker in self._workers.values():
            ray.kill(worker)

    def _lose(self, seat: Seat) -> list[tuple[Part, Record | None]]:
        self._say(f"a worker on {seat.name} was lost; what it was at is done again")
        self._workers.pop(seat, None)
        self._failed[seat] += seat in self._joining.values()
        lost = [ref for ref, (theirs, _) in self.busy.items() if theirs == seat]
        self._joining = {ref: theirs for ref, theirs in self._joining.items() if theirs != seat}
        return [(self.busy.pop(ref)[1], None) for ref in lost]


def _join(cluster: str) -> None:
    if ray.is_initialized():
        return
    alone: dict[str, Any] = {"include_dashboard": False} if cluster == "local" else {}
    ray_cluster.check(cluster)
    ray_cluster.join(cluster, runtime_env={"env_vars": python_path()}, **alone)


def _as_it_was_raised(error: Exception) -> Exception:
    """Unwrap the error that a worker met, as it would be here."""
    cause = error.__cause__ or getattr(error, "cause", None) or error
    return cause if isinstance(cause, MasktuneError) else error
