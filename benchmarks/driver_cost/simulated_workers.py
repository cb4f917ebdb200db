"""Workers of a search that train nothing: what Ray Tune's loop sees of them, on a simulated clock."""

from __future__ import annotations

import copy
import heapq
import itertools
import math
import random
import uuid
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from ray import tune
from ray.air.execution._internal import TrackedActor
from ray.tune.result import TRIAL_INFO

from benchmarks.driver_cost.report import RAY, Stopwatch
from tuning.callbacks.tensorboard.curves import CURVES

EPOCH_S, RESET_S = 60.0, 0.25
"""Seconds of an epoch and of a worker's change of trials, on the simulated clock."""


class Simulated(tune.Trainable):
    """A name for Ray to register: its workers are `Worker`s."""


class Worker:
    """It answers as a worker does: a curve that rises to a height given by the point, with noise.

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
            **{curve.metric: 1 - value for curve in CURVES.values()},
            "val_f1": value,
            "val_f1_best": self._best[0],
            "val_f1_low": self._best[0] - 0.1,
            "val_f1_high": self._best[0] + 0.1,
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
    """The height that a trial's curve rises to is best at a peak of 0.01 and a decay of 0.5."""
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
