"""Parts predicted by workers on a Ray cluster, or on this machine: one for each GPU, machine, or share of the cores.

The only file of this package that knows Ray. Photos and models lie where every machine sees them; what workers answer
comes back to the command, which keeps it.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray

from common import ray_cluster
from common.errors import EnsembleError, MasktuneError
from common.machine import cpu_cores
from common.repository import python_path
from data_prep.prepare.cluster import seats
from ensemble.predictions.predictor import Predictor
from ensemble.predictions.sources import Answer, Source

TRIES = 3
"""How often a part may take its worker with it before the command stops."""

WAIT_SECONDS = 20.0
"""Without a worker for so long, it is said that the cluster has no room for one."""


Share = tuple[int, float]
"""A worker's cores and GPUs."""


class Worker:
    """It is one process with models of its own."""

    def __init__(self, predictor: Predictor, source: Source, cores: int) -> None:
        self._predictor, self._source, self._cores = predictor, source, cores

    def ready(self) -> None:
        """Load the models. Not done when the worker is made: Ray would hide what went wrong."""
        import torch

        torch.set_num_threads(self._cores)
        try:
            self._ensemble = self._predictor.ensemble()
        except MasktuneError as error:
            raise type(error)(f"on {os.uname().nodename}: {error}") from None

    def answer(self, part: slice) -> Answer:
        [answer] = self._source.answers(self._ensemble, [part], self._cores)
        return answer


@dataclass
class Crew:
    """It is the workers that were hired, and what those who are busy are at: a part's number, or None while one loads
    its models."""

    predictor: Any
    source: Any
    at: dict[Any, tuple[Any, Share, int | None]] = field(default_factory=dict)
    workers: list[Any] = field(default_factory=list)

    def hire(self, share: Share) -> None:
        """Ask for a worker with so many cores and GPUs; it takes parts once it is ready: Ray may lack room for it."""
        cores, gpus = share
        actor = ray.remote(Worker).options(num_cpus=cores, num_gpus=gpus)
        worker = actor.remote(self.predictor, self.source, cores)
        self.workers.append(worker)
        self.at[worker.ready.remote()] = (worker, share, None)

    def dismiss(self) -> None:
        for worker in self.workers:
            ray.kill(worker)


def answers_there(
    predictor: Predictor,
    source: Source,
    parts: Sequence[slice],
    workers: int | None,
    cluster: str,
    say: Callable[[str], None],
) -> Iterator[tuple[int, Answer]]:
    """Have `workers` (None: one for each GPU, or machine) on the cluster predict the parts; yields each when done.

    Raises:
        OptionError: no cluster is there. EnsembleError: workers die, again and again. Else as a worker raises.
    """
    joined = not ray.is_initialized()
    if joined:
        _join(cluster)
    crew = Crew(ray.put(predictor), ray.put(source))
    try:
        for share in shares(workers)[: len(parts)]:
            crew.hire(share)
        yield from _answers(crew, parts, say)
    finally:
        crew.dismiss()
        if joined:
            ray.shutdown()


def shares(workers: int | None) -> list[Share]:
    """Divide the cluster's machines: one share for each GPU, or for each machine that has none, or so many in all."""
    found = [(max(1, int(seat.cpus)), seat.gpus) for seat in seats()]
    on_gpus = [share for share in found if share[1]]
    if workers is None or on_gpus:
        return (on_gpus or found)[:workers]
    return [(max(1, sum(cores for cores, _ in found) // workers), 0.0)] * workers


def _answers(crew: Crew, parts: Sequence[slice], say: Callable[[str], None]) -> Iterator[tuple[int, Answer]]:
    waiting, lost = deque(range(len(parts))), Counter[int | None]()
    while waiting or any(part is not None for _, _, part in crew.at.values()):
        done, _ = ray.wait(list(crew.at), timeout=WAIT_SECONDS)
        if not done and all(part is None for _, _, part in crew.at.values()):
            say("no worker is ready yet: the cluster may lack room for one")
        for ref in done:
            worker, share, part = crew.at.pop(ref)
            try:
                answer = ray.get(ref)
            except ray.exceptions.RayTaskError as error:
                raise _as_it_was_raised(error) from None
            except ray.exceptions.RayError:
                lost[part] += 1
                if lost[part] == TRIES:
                    raise EnsembleError(
                        f"{TRIES} workers died {'at the same photos' if part is not None else 'while they loaded'}: "
                        "look at their machines' memory; what is done is kept: run the same command again"
                    ) from None
                say("a worker was lost; what it was at is done again")
                waiting.extendleft([] if part is None else [part])
                crew.hire(share)
                continue
            if waiting:
                following = waiting.popleft()
                crew.at[worker.answer.remote(parts[following])] = (worker, share, following)
            if part is not None:
                yield part, answer


def _join(cluster: str) -> None:
    ray_cluster.check(cluster)
    alone: dict[str, Any] = {"num_cpus": cpu_cores(), "include_dashboard": False} if cluster == "local" else {}
    ray_cluster.join(cluster, runtime_env={"env_vars": python_path()}, **alone)


def _as_it_was_raised(error: Exception) -> Exception:
    """Unwrap the error that a worker met, as it would be here."""
    cause = error.__cause__ or getattr(error, "cause", None) or error
    return cause if isinstance(cause, MasktuneError) else error
