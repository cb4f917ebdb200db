"""Runs parts in their order, each in a process, and keeps to the minutes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.gpu.part import Finding, Part, Setting
from benchmarks.gpu.report import Report
from benchmarks.gpu.serve import Look, Ready, look_at_torch
from benchmarks.gpu.worker import NoAnswerError, Worker, WorkerEndedError
from common.machine import cpu_cores

PATIENCE, AT_LEAST = 3.0, {"cuda": 60.0, "cpu": 300.0}
"""A part is given up after so many times its estimate, and after so many seconds at least: estimates are a GPU's."""

AS_IN_A_SEARCH = {"OMP_WAIT_POLICY": "PASSIVE"}
"""What `tuning.search` gives to its trials: threads that spin while they wait take the cores from one another."""

AS_EXPECTED = 30.0
"""Seconds at the estimates' pace that count beside what was seen: one slow import is no slow machine."""


@dataclass
class Minutes:
    """The time that the check may take, and how fast this machine is against the one of the estimates."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)
    _expected: float = field(init=False, default=AS_EXPECTED)
    _taken: float = field(init=False, default=AS_EXPECTED)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def spent(self) -> float:
        return self.clock() - self.began

    def left(self) -> float:
        return self.seconds - self.spent()

    def estimate(self, part: Part) -> float:
        """Seconds that it will take here: never fewer than the part says."""
        return part.seconds * max(1.0, self._taken / self._expected)

    def learn(self, part: Part, seconds: float) -> None:
        self._expected += part.seconds
        self._taken += seconds


class Runner:
    """Parts one after the other in one process, which is replaced where a part has left it unusable.

    Args:
        folder: for the processes' logs and temporary files.
        environment: of every process.
        look: what every process does first.
    """

    def __init__(
        self,
        setting: Setting,
        minutes: Minutes,
        report: Report,
        folder: Path,
        environment: Mapping[str, str],
        look: Look = look_at_torch,
    ) -> None:
        self._setting, self._minutes, self._report, self._folder = setting, minutes, report, folder
        self._look = look
        self._environment = {"TMPDIR": str(folder), **AS_IN_A_SEARCH, **environment}
        self._shared: Worker | None = None
        self._living: list[Worker] = []
        self._started = 0

    def worker(self) -> Worker:
        """The process that parts without demands share; started if need be."""
        if self._shared is None:
            self._shared = self._start()
        return self._shared

    def sees(self) -> Ready | None:
        """What torch sees in that process; None where it does not start: the first part will say so."""
        worker = self.worker()
        try:
            return worker.ready(self._minutes.left())
        except (WorkerEndedError, NoAnswerError):
            self._part_with(worker)
            return None

    def run(self, first: Sequence[Part], others: Sequence[Part]) -> None:
        """Run the parts that fit; where one of `first` finds a fault, nothing after it makes sense."""
        parts = [*first, *others]
        while parts:
            part = parts.pop(0)
            estimate = self._minutes.estimate(part)
            if why := self._cannot(part, estimate):
                self._report.leaves_out(part, why)
            if (why or not self._attempt(part, estimate)) and part in first:
                for rest in parts:
                    self._report.leaves_out(rest, f"it builds on {part.name}")
                return

    def end(self) -> None:
        """End the processes that are left, and what they have started."""
        while self._living:
            self._part_with(self._living[-1])

    def _cannot(self, part: Part, estimate: float) -> str:
        """Why it cannot run here and now; "" if it can."""
        if (part.cores or 0) > (here := cpu_cores()):
            return f"it needs {part.cores} cores, and {here} are here"
        if estimate > (left := self._minutes.left()):
            return f"it takes about {estimate:.0f} s, and {max(0.0, left):.0f} s are left"
        return ""

    def _attempt(self, part: Part, estimate: float) -> bool:
        """Run the part, come what may. Returns whether others can build on it."""
        outcome = self._report.begins(part, estimate)
        began = self._minutes.spent()
        for finding in self._found(part, estimate):
            self._report.found(outcome, finding)
        in_all = self._minutes.spent()
        self._report.ended(outcome, in_all - began, in_all)
        return not outcome.faulty and not any("missing" in finding.values for finding in outcome.findings)

    def _found(self, part: Part, estimate: float) -> Iterator[Finding]:
        own = part.cores is not None or bool(part.environment)
        worker = self._start(part.cores, part.environment) if own else self.worker()
        allowed = max(PATIENCE * estimate, AT_LEAST[self._setting.device])
        try:
            worker.ready(self._minutes.left())
            began, left = self._minutes.spent(), self._minutes.left()
            setting = replace(self._setting, seconds=min(estimate, left))
            yield from worker.work(part, setting, min(allowed, left))
            self._minutes.learn(part, self._minutes.spent() - began)
        except WorkerEndedError as error:
            said = f"its process ended: {error}"
            yield Finding(part.name, said, right=False, values={"output": worker.printed()})
        except NoAnswerError:
            yield self._silent(part, allowed, worker)
        finally:
            if own or not worker.usable:
                self._part_with(worker)

    def _silent(self, part: Part, allowed: float, worker: Worker) -> Finding:
        place, printed = worker.where()
        values = {"output": printed}
        if self._minutes.left() > 0:
            return Finding(part.name, f"no answer in {allowed:.0f} s{place}", right=False, values=values)
        self._report.record.left_out[part.name] = "cut off when the minutes were spent"
        return Finding(part.name, "cut off when the minutes were spent", values=values)

    def _part_with(self, worker: Worker) -> None:
        self._living.remove(worker)
        self._shared = None if worker is self._shared else self._shared
        worker.end()

    def _start(self, cores: int | None = None, environment: Mapping[str, str] | None = None) -> Worker:
        self._started += 1
        log = self._folder / f"worker-{self._started}.log"
        variables = {**self._environment, **(environment or {})}
        self._living.append(Worker(log, cores, variables, self._look, self._minutes.clock))
        return self._living[-1]
