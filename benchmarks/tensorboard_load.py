"""What TensorBoard's events of a large search cost: to write, on the disk, and until TensorBoard has read them.

    python -m benchmarks.tensorboard_load --store data/store360 --trials 200 --epochs 60

The real callback hears of trials that train nothing: their curves and predictions are made up, their photos are the
store's. It is read by TensorBoard's own reader in Python, the one behind --load_fast=false, and by `tensorboard` as it
is started by a person, whose reader is a program of its own. What is written is measured in seconds of the CPU, which
other programs on the machine change least.
"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from common.command_line import Parser, exit_code, positive
from common.security import terminal

if TYPE_CHECKING:
    from data_prep.store.store import Store
    from tuning.callbacks.tensorboard.callback import TensorBoard


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    from data_prep.store.store import Store

    store = Store.open(options.store)
    with tempfile.TemporaryDirectory(prefix="tensorboard-load-") as folder:
        runs = Path(folder, "runs/search")
        write(runs, store, options)
        size = sum(file.stat().st_size for file in runs.rglob("events*")) / 1e6
        terminal.say(f"on the disk: {size:.1f} MB, {1000 * size / options.trials:.0f} kB a trial")
        _say_times("read by its reader in Python", [read_in_python(runs) for _ in range(options.rounds)])
        _say_times("from `tensorboard` to all of it", [served(runs, options.trials) for _ in range(options.rounds)])
    return 0


class Made(SimpleNamespace):
    """What the callback asks a trial of Ray's."""

    def __str__(self) -> str:
        return str(self.trial_id)


def write(folder: Path, store: Store, options: Namespace) -> None:
    """Write the events of a search into `folder`, and say what that cost the driver."""
    import numpy as np

    from common.search_folder import VAL_PREDICTIONS
    from tuning.callbacks.tensorboard.callback import TensorBoard
    from tuning.callbacks.tensorboard.pictures import Pictures
    from tuning.storage import home

    plan = _plan(folder, store, options)
    callback = TensorBoard(list(plan.space.distributions), Pictures(plan, store.hash, home.of(plan)))
    rng, blocked, began = np.random.default_rng(0), 0.0, time.process_time()
    for number in range(1, options.trials + 1):
        trial = _trial(folder / f"trial-{number:03d}", plan.settings)
        rows = store.labelled("val")
        said = rng.dirichlet(np.full(store.task.classes, 0.1), len(rows)).astype(np.float32)
        said[np.arange(len(rows)), store.classes()[rows]] += rng.random(len(rows), np.float32)
        said /= said.sum(axis=1, keepdims=True)
        file = Path(trial.storage.trial_fs_path, VAL_PREDICTIONS)
        np.savez(file, probabilities=said, rows=rows, store_hash=store.hash, val_f1=0.7)
        blocked += _hooks(callback, trial, options.epochs, rng.random())
    callback.on_experiment_end([])
    each, whole = 1000 * blocked / options.trials, 1000 * (time.process_time() - began) / options.trials
    terminal.say(
        f"CPU, a trial: {each:.0f} ms in the driver's thread, {whole:.0f} ms with all threads and making it up"
    )


def _hooks(callback: TensorBoard, trial: Made, epochs: int, height: float) -> float:
    """The life of a trial as the callback hears of it; gives the driver's thread's seconds of the CPU."""
    from tuning.callbacks.tensorboard.curves import CURVES

    began = time.thread_time()
    callback.on_trial_start(1, [], trial)  # type: ignore[arg-type]
    for epoch in range(1, epochs + 1):
        value = height * epoch / (epoch + 2)
        trial.last_result = {curve.metric: value for curve in CURVES.values()} | {"training_iteration": epoch}
        callback.on_trial_result(1, [], trial, trial.last_result)  # type: ignore[arg-type]
        callback.on_step_end(1, [])
    trial.last_result |= {"best_epoch": epochs, "done": True}
    callback.on_trial_complete(1, [], trial)  # type: ignore[arg-type]
    return time.thread_time() - began


def read_in_python(folder: Path) -> float:
    """Seconds until TensorBoard's own reader has all of it."""
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer

    began = time.perf_counter()
    EventMultiplexer().AddRunsFromDirectory(str(folder)).Reload()
    return time.perf_counter() - began


def served(folder: Path, trials: int) -> float:
    """Seconds from the start of `tensorboard` until its last trial has all that is shown of it."""
    began = time.perf_counter()
    with serving(folder) as url:
        while not _has_all(url, trials):
            time.sleep(0.1)
        return time.perf_counter() - began


def _has_all(url: str, trials: int) -> bool:
    """Whether every trial has its confusion matrix, which is written after its curves."""
    with urllib.request.urlopen(f"{url}data/plugin/images/tags") as answer:
        found = json.load(answer)
    return sum("pictures/confusion" in tags for tags in found.values()) == trials


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Within, TensorBoard shows the folder at this address, on a port that is free."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stderr
            found = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+/", line) for line in process.stderr)), None)
            assert found, "TensorBoard has ended"
            yield found[0]
        finally:
            process.terminate()


def _plan(folder: Path, store: Store, options: Namespace) -> Any:
    from tuning.plan import profiles, spaces
    from tuning.plan.budget import Budget
    from tuning.plan.plan import Plan
    from tuning.plan.resources import Resources
    from tuning.plan.settings import shared_settings

    space, profile = spaces.load("age_bands"), profiles.for_store(store, gpu=False, weights="none")
    settings = shared_settings(space, profile, epochs=options.epochs, weights="none", seed=1)
    limits = {"epochs": options.epochs, "grace": 1, "reduction": 3, "keep": 3, "seed": 1}
    budget, resources = Budget(trials=options.trials), Resources(1, 0, 1)
    more: dict[str, Any] = {**limits, "pictures": not options.no_pictures}
    return Plan(folder, space, profile, str(store.path), settings, budget, resources=resources, **more)


def _trial(folder: Path, settings: dict[str, Any]) -> Made:
    folder.mkdir(parents=True)
    bands = {"young_below": 29, "old_from": 58, "young_gap": 0, "old_gap": 0}
    config = {"shared": {"settings": settings}, "labels": bands}
    storage = SimpleNamespace(trial_fs_path=str(folder))
    return Made(trial_id=folder.name, config=config, last_result=None, storage=storage)


def _say_times(what: str, seconds: list[float]) -> None:
    middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
    terminal.say(f"{what}: {middle:.1f} s ({low:.1f} to {high:.1f}, n = {len(seconds)})")


def _parser() -> Parser:
    result = Parser(prog="python -m benchmarks.tensorboard_load", description=__doc__.splitlines()[0])
    result.add_argument("--store", metavar="STORE", type=Path, required=True, help="whose photos are shown")
    result.add_argument("--trials", metavar="N", type=positive, default=200)
    result.add_argument("--epochs", metavar="N", type=positive, default=60)
    result.add_argument("--no-pictures", action="store_true", help="as the option of a search")
    result.add_argument("--rounds", metavar="N", type=positive, default=5, help="how often each reader reads")
    return result


if __name__ == "__main__":
    sys.exit(exit_code(main))
