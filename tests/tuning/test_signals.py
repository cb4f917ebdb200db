"""Ctrl-C once, twice, and SIGTERM: the exit code, what is left running (nothing), and that the search can go on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from data_prep.store.store import Store
from tests.helpers.forked_program import Program
from tests.helpers.patience import HANGS
from tests.tuning.helpers.curve_trial import HURRY, SlowTrial
from tests.tuning.helpers.processes import alive, family
from tuning import resume, search
from tuning.records import search_json

DRIVER = """
import functools, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
from tests.tuning.helpers.curve_trial import SlowTrial
from tuning import search
search.run = functools.partial(search.run, trainable=SlowTrial)
runpy.run_path("tune_main.py", run_name="__main__")
"""


def ctrl_c(driver: Program) -> None:
    """As a terminal does: to every process of the foreground group."""
    os.killpg(driver.pid, signal.SIGINT)


def ctrl_c_twice(driver: Program) -> None:
    ctrl_c(driver)
    time.sleep(0.2)
    ctrl_c(driver)


def sigterm(driver: Program) -> None:
    driver.terminate()


def sigterm_to_all(driver: Program) -> None:
    """As systemd and scancel do."""
    for process in family(driver.pid):
        os.kill(process, signal.SIGTERM)


Start = Callable[..., Program]


@pytest.fixture
def start() -> Iterator[Start]:
    """tune_main.py in a session of its own, with trials that are slow and always the same."""
    started: list[Program] = []

    def new(*arguments: str) -> Program:
        started.append(Program(["-c", DRIVER, *arguments], own_session=True))
        return started[-1]

    yield new
    for driver in started:
        if driver.poll() is None:
            os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()


@pytest.mark.parametrize(
    ("how", "code", "states", "goes_on"),
    [
        (ctrl_c, 130, {"interrupted"}, False),  # tests/tuning/test_faults.py goes on with such a one
        (ctrl_c_twice, 130, {"interrupted", "running"}, True),
        (sigterm, 143, {"interrupted"}, False),
        (sigterm_to_all, 143, {"interrupted"}, True),
    ],
)
def test_a_search_that_is_told_to_end_does_leaves_no_process_and_can_go_on(
    how: Callable[[Program], None],
    code: int,
    states: set[str],
    goes_on: bool,
    start: Start,
    ray_session: None,
    small_store: Store,
    tmp_path: Path,
) -> None:
    folder = tmp_path / "runs/told"
    where = ["--data", str(small_store.path), "--runs", str(tmp_path / "runs"), "--name", "told"]
    size = ["--space", "age_bands", "--trials", "1", "--epochs", "6", "--grace", "6", "--cpus-per-trial", "1"]
    driver = start(*where, *size)
    wait_for(lambda: any(folder.glob("trial-*/checkpoint_000000")), driver)
    processes = family(driver.pid)
    assert len(processes) > 4

    how(driver)
    ended, output = driver.wait(), driver.said()

    assert ended == code, output
    assert "Traceback" not in output
    assert alive(processes) == []
    assert search_json.read(folder).state in states

    left = resume.resumable(folder)
    if goes_on:
        (folder / HURRY).touch()
        search.resume(left, SlowTrial)
        about = search_json.read(folder)
        assert (about.state, about.spent["trials"], about.spent["epochs"]) == ("finished", 1, 6)


def wait_for(ready: Callable[[], bool], driver: Program) -> None:
    deadline = time.monotonic() + HANGS
    while not ready():
        assert driver.poll() is None, driver.said()
        assert time.monotonic() < deadline, "never ready"
        time.sleep(0.1)
