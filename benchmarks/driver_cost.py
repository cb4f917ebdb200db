"""What a large search costs its driver: Ray Tune's loop, our scheduler, searcher and callbacks, without the training.

    python -m benchmarks.driver_cost --trials 10000 --slots 500

`tuning.search.run` runs as it does for a person; only the workers are simulated. Ray's actor manager is replaced by
one whose actors start at once and whose `train` returns a made-up curve, so that the driver is never idle: driver time
per result is what it needs, and its inverse is the most results a second that it can take. Times are of the CPU,
which other programs on the machine change least; "wall" and "all threads" stand beside them.

A row's figures are of the last `--window` trials that were started before it. Between rows the search is wound
forward: suggestions are random, and snapshots and callbacks other than result.json are left out.

Not in it: Ray's waiting for and fetching of real results, starting of real actors, checkpoints (there are none, which
also leaves out one step of the loop per epoch), failures.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import heapq
import itertools
import json
import math
import random
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from optuna.samplers import TPESampler

from common.command_line import exit_code, positive
from tuning import search
from tuning.algorithms.asha import Asha
from tuning.callbacks.meter import Meter
from tuning.callbacks.progress import Progress
from tuning.callbacks.recorder import Recorder
from tuning.callbacks.sweeper import Sweeper
from tuning.callbacks.tensorboard import CURVES, TensorBoard
from tuning.cluster import session
from tuning.plan import profiles, spaces
from tuning.plan.budget import Budget
from tuning.plan.plan import Plan
from tuning.plan.resources import Resources
from tuning.plan.settings import shared_settings
from tuning.storage import states

from ray import tune  # isort: skip - tuning.search sets what Ray reads when it is imported
from ray.air.execution._internal import TrackedActor  # isort: skip
from ray.train._internal import storage  # isort: skip
from ray.tune.execution import tune_controller  # isort: skip
from ray.tune.execution.experiment_state import _ExperimentCheckpointManager  # isort: skip
from ray.tune.execution.tune_controller import TuneController  # isort: skip
from ray.tune.logger import JsonLoggerCallback  # isort: skip
from ray.tune.result import TRIAL_INFO  # isort: skip
from ray.tune.search import SearchGenerator  # isort: skip
from ray.tune.search.optuna import OptunaSearch  # isort: skip

EPOCHS, GRACE, REDUCTION = 27, 3, 3
EPOCH_S, RESET_S = 60.0, 0.25
"""Seconds of an epoch and of a worker's change of trials, on the simulated clock."""

SIMULATION = "simulation"
RAY, CHOICE, ASHA, ASK, TELL = "Ray", "next trial", "ASHA", "ask", "tell"
SNAPSHOT, STATES, STUDY = "snapshot", "states", "study"
EVERY_RESULT = (RAY, CHOICE, ASHA, ASK, TELL, "Progress", "TensorBoard", "Json")
BY_THE_CLOCK = ("Meter", "Sweeper", "Recorder", SNAPSHOT)

CALLBACKS = {
    "Meter": Meter,
    "Sweeper": Sweeper,
    "Recorder": Recorder,
    "Progress": Progress,
    "TensorBoard": TensorBoard,
    "Json": JsonLoggerCallback,
}
SKIPPED = frozenset({SNAPSHOT, CHOICE, *CALLBACKS} - {"Meter", "Sweeper", "Json"})
"""While a search is wound forward to the next row. Ray starts trials without a choice; the meter can end the search."""

MARKS = (100, 300, 1000, 3000, 10000, 30000)

HOOKS = ("on_step_begin", "on_step_end", "on_trial_start", "on_trial_result", "on_trial_complete")


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    session.start_ray()
    with tempfile.TemporaryDirectory(prefix="driver-cost-") as folder:
        report = Report(options, sys.stdout)
        plan = large_plan(Path(folder), options)
        with Path(folder, "log").open("w") as log, contextlib.redirect_stdout(log), measured(report, options):
            search.run(plan, SimpleNamespace(hash="none"), Simulated)  # type: ignore[arg-type]
        print(f"\n{time.perf_counter() - report.stepped:.0f} s from the last step to the end of the search")
    return 0


def large_plan(folder: Path, options: argparse.Namespace) -> Plan:
    space = spaces.load("scheduler_decay")
    return Plan(
        folder=folder / "runs" / "large",
        space=space,
        profile=profiles.REFERENCE,
        store=folder,
        settings=shared_settings(space, profiles.REFERENCE, epochs=EPOCHS, seed=options.seed),
        budget=Budget(trials=options.trials, hours=options.minutes / 60),
        epochs=EPOCHS,
        grace=GRACE,
        reduction=REDUCTION,
        keep=profiles.KEEP,
        resources=Resources(cpus=1, gpus=0, concurrent=options.slots),
        seed=options.seed,
    )


class Simulated(tune.Trainable):
    """A name for Ray to register: its workers are `Worker`s."""


class Worker:
    """What a worker answers: a curve that rises to a height given by the point, with noise.

    It is its own actor handle, as far as a Trial needs one.
    """

    def __init__(self, config: dict[str, Any], seed: int) -> None:
        self._seed = seed
        self.get_auto_filled_metrics = SimpleNamespace(remote=lambda **_: {"pid": 1, "node_ip": "127.0.0.1"})
        self.reset(config)

    def reset(self, config: dict[str, Any], **_: Any) -> bool:
        self._config = {key: value for key, value in config.items() if key in ("shared", "schedule")}
        self._height = height(self._config["schedule"])
        self._trial = config[TRIAL_INFO].trial_id
        self._noise = random.Random(f"{self._seed}{self._height}")
        self._epoch, self._seconds, self._best = 0, 0.0, (-1.0, 0)
        return True

    def train(self) -> dict[str, Any]:
        """The keys that a RayTrial reports and that Trainable.train adds."""
        self._epoch += 1
        self._seconds += EPOCH_S
        value = self._height * self._epoch / (self._epoch + 2) + self._noise.gauss(0, 0.005)
        self._best = max(self._best, (value, self._epoch))
        return {
            **dict.fromkeys(CURVES, 1 - value),
            "val_f1": value,
            "val_f1_best": self._best[0],
            "best_epoch": self._best[1],
            "epoch": self._epoch,
            "train_photos": 15000,
            "seconds": EPOCH_S,
            "done": False,
            "training_iteration": self._epoch,
            "trial_id": self._trial,
            "date": "2026-01-01_00-00-00",
            "timestamp": 1767225600,
            "time_this_iter_s": EPOCH_S,
            "time_total_s": self._seconds,
            "pid": 1,
            "hostname": "simulated",
            "node_ip": "127.0.0.1",
            "config": copy.deepcopy(self._config),
            "time_since_restore": self._seconds,
            "iterations_since_restore": self._epoch,
        }

    def stop(self) -> None:
        pass


def height(schedule: dict[str, float]) -> float:
    """Of a trial's curve: best at a peak of 0.01 and a decay of 0.5."""
    return 0.8 - 0.1 * abs(math.log10(schedule["max_lr"] / 0.01)) - 0.2 * (schedule["decay"] - 0.5) ** 2


class Actors:
    """Stands in for Ray's RayActorManager: actors start at once, tasks end when the simulated clock says so.

    `next` delivers the next event without waiting. Events are kept by number; one that was discarded is gone from
    `_events` while its number is still in the heap.
    """

    def __init__(self, slots: int, seed: int, stopwatch: Stopwatch) -> None:
        self._slots, self._seed, self._stopwatch = slots, seed, stopwatch
        self._random = random.Random(seed)
        self._now, self._numbers = 0.0, itertools.count()
        self._heap: list[tuple[float, int]] = []
        self._events: dict[int, Callable[[], None]] = {}
        self._tasks: dict[TrackedActor, set[int]] = {}
        self._pending: dict[TrackedActor, dict[str, Any]] = {}
        self._live_actors_to_ray_actors_resources: dict[TrackedActor, tuple[Worker, Any]] = {}

    def add_actor(
        self, cls: Any, kwargs: dict[str, Any], resource_request: Any, **on: Callable[..., None]
    ) -> TrackedActor:
        actor = TrackedActor(uuid.uuid4().int, **on)
        self._pending[actor] = {"kwargs": kwargs, "resources": resource_request}
        self._start_pending()
        return actor

    def remove_actor(self, tracked_actor: TrackedActor, kill: bool = False, stop_future: int | None = None) -> bool:
        if self._pending.pop(tracked_actor, None):
            return False
        self.clear_actor_task_futures(tracked_actor)
        self._after(0.0, lambda: self._stopped(tracked_actor))
        return True

    def schedule_actor_task(
        self,
        tracked_actor: TrackedActor,
        method_name: str,
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
        on_result: Callable[[TrackedActor, Any], None] | None = None,
        on_error: Callable[[TrackedActor, Exception], None] | None = None,
        _return_future: bool = False,
    ) -> int | None:
        if tracked_actor not in self._live_actors_to_ray_actors_resources:
            return None
        worker, _ = self._live_actors_to_ray_actors_resources[tracked_actor]

        def ends() -> None:
            self._tasks[tracked_actor].discard(number)
            result = getattr(worker, method_name)(*args, **kwargs or {})
            if on_result:
                with self._stopwatch.running(RAY):
                    on_result(tracked_actor, result)

        number = self._after(self._seconds(method_name), ends)
        self._tasks[tracked_actor].add(number)
        return number if _return_future else None

    def clear_actor_task_futures(self, tracked_actor: TrackedActor) -> None:
        for number in self._tasks.get(tracked_actor, ()):
            self._events.pop(number, None)
        self._tasks[tracked_actor] = set()

    def next(self, timeout: float | None = None) -> bool:
        while self._heap:
            self._now, number = heapq.heappop(self._heap)
            if event := self._events.pop(number, None):
                event()
                return True
        return False

    def is_actor_started(self, tracked_actor: TrackedActor) -> bool:
        return tracked_actor in self._live_actors_to_ray_actors_resources

    def is_actor_failed(self, tracked_actor: TrackedActor) -> bool:
        return False

    @property
    def num_live_actors(self) -> int:
        return len(self._live_actors_to_ray_actors_resources)

    @property
    def num_pending_actors(self) -> int:
        return len(self._pending)

    @property
    def num_total_actors(self) -> int:
        return self.num_live_actors + self.num_pending_actors

    @property
    def num_actor_tasks(self) -> int:
        return len(self._events)

    def get_live_actors_resources(self) -> dict[str, float]:
        return {"CPU": float(self.num_live_actors)}

    def cleanup(self) -> None:
        self._live_actors_to_ray_actors_resources.clear()
        self._events.clear()

    def _start_pending(self) -> None:
        while self._pending and self.num_live_actors < self._slots:
            actor = next(iter(self._pending))
            asked = self._pending.pop(actor)
            worker = Worker(asked["kwargs"]["config"], self._seed)
            self._live_actors_to_ray_actors_resources[actor] = (worker, asked["resources"])
            self._tasks[actor] = set()
            self._after(0.0, lambda actor=actor: self._notify(actor._on_start, actor))

    def _stopped(self, actor: TrackedActor) -> None:
        del self._live_actors_to_ray_actors_resources[actor], self._tasks[actor]
        self._notify(actor._on_stop, actor)
        self._start_pending()

    def _notify(self, callback: Callable[[TrackedActor], None] | None, actor: TrackedActor) -> None:
        if callback:
            with self._stopwatch.running(RAY):
                callback(actor)

    def _after(self, seconds: float, event: Callable[[], None]) -> int:
        number = next(self._numbers)
        self._events[number] = event
        heapq.heappush(self._heap, (self._now + seconds, number))
        return number

    def _seconds(self, method: str) -> float:
        """Epochs differ by a tenth, so that results do not come in step."""
        return {"train": EPOCH_S * self._random.uniform(0.9, 1.1), "reset": RESET_S}.get(method, 0.0)


class Stopwatch:
    """CPU seconds of the driver's thread by who spends them: the innermost name that is running, and nobody else.

    Attributes:
        seconds: name -> so far.
        calls: name -> how often it was entered.
        skipped: names that are not even called for now.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.skipped: frozenset[str] = frozenset()
        self._names: list[str] = []
        self._since = 0.0

    @contextlib.contextmanager
    def running(self, name: str) -> Iterator[None]:
        self._lap()
        self._names.append(name)
        self.calls[name] += 1
        try:
            yield
        finally:
            self._lap()
            self._names.pop()

    def timing(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            if name in self.skipped:
                return None
            with self.running(name):
                return function(*args, **kwargs)

        return timed

    def _lap(self) -> None:
        now = time.thread_time()
        if self._names:
            self.seconds[self._names[-1]] += now - self._since
        self._since = now


@dataclass
class Mark:
    """What had been counted at the start of a window."""

    results: int
    seconds: Counter[str]
    calls: Counter[str]
    cpu: float
    wall: float


class Report:
    """The table, each row printed as it is reached.

    Attributes:
        stopwatch: of the driver's thread.
        results: delivered so far.
        copies: (wall s, CPU s) of each background copy of Ray's working folder to the search's folder.
        stepped: time.perf_counter() of the last step.
        rows: of the table: milliseconds per result, then milliseconds of an ask and of a snapshot, and its size.
    """

    def __init__(self, options: argparse.Namespace, out: Any) -> None:
        self.stopwatch = Stopwatch()
        self.results = 0
        self.copies: list[tuple[float, float]] = []
        self.rows: list[dict[str, float]] = []
        self._out, self._window, self._json = out, options.window, options.json
        first = options.slots + options.window if options.trials > options.slots else 0
        self._marks = [*(n for n in MARKS if first <= n < options.trials), options.trials]
        self._from: Mark | None = None
        self.stepped = 0.0
        self.stopwatch.skipped = SKIPPED

    @property
    def winding(self) -> bool:
        """Between two rows."""
        return self._from is None

    def step(self, controller: TuneController) -> None:
        """After a step of the loop: is there a window to open, or a row to print?"""
        self.stepped = time.perf_counter()
        started = len(controller.get_trials())
        if self._marks and self.winding and started >= self._marks[0] - self._window:
            self.stopwatch.skipped = frozenset()
            controller.checkpoint(force=True, wait=True)  # of what was wound forward: not the window's
            self._from = self._now()
        elif self._marks and self._from and started >= self._marks[0]:
            staging = Path(controller._storage.experiment_driver_staging_path)
            self._row(self._marks.pop(0), self._from, state_megabytes(staging))
            self._from = None
            self.stopwatch.skipped = SKIPPED

    def _now(self) -> Mark:
        watch = self.stopwatch
        return Mark(self.results, watch.seconds.copy(), watch.calls.copy(), time.process_time(), time.perf_counter())

    def _row(self, trials: int, last: Mark, megabytes: float) -> None:
        now = self._now()
        seconds, calls, results = now.seconds - last.seconds, now.calls - last.calls, now.results - last.results
        snapshot = sum(seconds[name] for name in (SNAPSHOT, STATES, STUDY))
        split = {**{name: seconds[name] for name in (*EVERY_RESULT, *BY_THE_CLOCK)}, SNAPSHOT: snapshot}
        row = {
            "trials": trials,
            "results": results,
            "all": sum(split.values()) / results * 1000,
            "wall": (now.wall - last.wall - seconds[SIMULATION]) / results * 1000,
            "all threads": (now.cpu - last.cpu - seconds[SIMULATION]) / results * 1000,
            **{name: split[name] / results * 1000 for name in split},
            "an ask": seconds[ASK] / max(1, calls[ASK]) * 1000,
            "a snapshot": snapshot / max(1, calls[STATES]) * 1000,
            "its states": seconds[STATES] / max(1, calls[STATES]) * 1000,
            "its study": seconds[STUDY] / max(1, calls[STUDY]) * 1000,
            "MB": megabytes,
            "a copy, s": max([wall for wall, _ in self.copies[-3:]], default=0.0),
        }
        if not self.rows:
            self._print(list(row))
            self._print(["---:"] * len(row))
        self.rows.append(row)
        if self._json:
            self._json.write_text(json.dumps(self.rows, indent=2) + "\n")
        self._print([f"{value:.0f}" if value >= 100 else f"{value:.2g}" for value in row.values()])

    def _print(self, cells: list[str]) -> None:
        print(f"| {' | '.join(cells)} |", file=self._out, flush=True)


def state_megabytes(staging: Path) -> float:
    return sum(file.stat().st_size for pattern in states.RAYS for file in staging.glob(pattern)) / 1e6


@contextlib.contextmanager
def measured(report: Report, options: argparse.Namespace) -> Iterator[None]:
    """Simulated workers, and a stopwatch around everything that the driver does."""
    watch = report.stopwatch
    step, copy_files = TuneController.step, storage._pyarrow_fs_copy_files
    result = TuneController._process_trial_result
    relative, independent = TPESampler.sample_relative, TPESampler.sample_independent

    def stepped(controller: TuneController) -> None:
        with watch.running(RAY):
            step(controller)
        report.step(controller)

    def counted(*args: Any) -> Any:
        report.results += 1
        return result(*args)

    def copied(*args: Any, **kwargs: Any) -> None:
        began, cpu = time.perf_counter(), time.thread_time()
        copy_files(*args, **kwargs)
        report.copies.append((time.perf_counter() - began, time.thread_time() - cpu))

    def relatively(sampler: TPESampler, *args: Any) -> dict[str, Any]:
        return {} if report.winding else relative(sampler, *args)

    def independently(sampler: TPESampler, *args: Any) -> Any:
        return (sampler._random_sampler.sample_independent if report.winding else partial(independent, sampler))(*args)

    timed = [
        *((Asha, hook, ASHA) for hook in ("on_trial_add", "on_trial_result", "on_trial_complete")),
        (Asha, "choose_trial_to_run", CHOICE),
        (OptunaSearch, "suggest", ASK),
        *((OptunaSearch, hook, TELL) for hook in ("on_trial_result", "on_trial_complete")),
        (_ExperimentCheckpointManager, "sync_up_experiment_state", SNAPSHOT),
        (TuneController, "save_to_dir", STATES),
        (SearchGenerator, "save_to_dir", STUDY),
        (Actors, "next", SIMULATION),
        *((callback, hook, name) for name, callback in CALLBACKS.items() for hook in HOOKS),
    ]
    with contextlib.ExitStack() as patches:
        for owner, method, name in timed:
            patches.enter_context(patch.object(owner, method, watch.timing(getattr(owner, method), name)))
        patches.enter_context(patch.object(TPESampler, "sample_relative", relatively))
        patches.enter_context(patch.object(TPESampler, "sample_independent", independently))
        patches.enter_context(patch.object(TuneController, "step", stepped))
        patches.enter_context(patch.object(TuneController, "_process_trial_result", counted))
        patches.enter_context(patch.object(storage, "_pyarrow_fs_copy_files", copied))
        simulated = lambda **_: Actors(options.slots, options.seed, watch)  # noqa: E731
        patches.enter_context(patch.object(tune_controller, "RayActorManager", simulated))
        arguments = search._arguments
        patches.enter_context(patch.object(search, "_arguments", lambda *args: without_checkpoints(arguments(*args))))
        yield


def without_checkpoints(arguments: dict[str, Any]) -> dict[str, Any]:
    return {**arguments, "checkpoint_config": tune.CheckpointConfig(checkpoint_frequency=0)}


def parser() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(prog="python -m benchmarks.driver_cost", description=__doc__.splitlines()[0])
    result.add_argument("--trials", type=positive, default=10000)
    result.add_argument("--slots", type=positive, default=500, help="simulated GPUs (default: 500)")
    result.add_argument(
        "--window", type=positive, default=200, help="trials that a row is measured over (default: 200)"
    )
    result.add_argument("--seed", type=int, default=1)
    result.add_argument("--minutes", type=float, default=60, help="stop then, as a budget would (default: 60)")
    result.add_argument("--json", type=Path, help="write the table's rows here as well")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
