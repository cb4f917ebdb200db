"""Works on photos in threads: results come in order, a few ahead at most, with a progress bar."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import islice
from threading import Lock
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

Item = TypeVar("Item")
Result = TypeVar("Result")


class Threads(ThreadPoolExecutor):
    """So many threads, for one job after the other.

    Attributes:
        number: how many there are.
        ahead: tasks of a job whose results may wait to be taken.
        turn: held by the job that feeds them.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number, self.ahead, self.turn = number, 2 * number, Lock()


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], threads: Threads, at_once: int = 1
) -> Generator[Result]:
    """Do `map(function, items)` in `threads`, a few tasks ahead.

    Args:
        at_once: items a task: several, where one takes no longer than handing it to a thread and back.
    """
    pending: deque[Future[list[Result]]] = deque()
    rest = iter(items)
    try:
        while task := list(islice(rest, at_once)):
            pending.append(threads.submit(_each, function, task))
            if len(pending) >= threads.ahead:
                yield from pending.popleft().result()
        while pending:
            yield from pending.popleft().result()
    finally:
        for future in pending:
            future.cancel()


def one_ahead(items: Generator[Item]) -> Generator[Item]:
    """Yield `items`; while one is used, a thread makes the next."""
    with closing(items), ThreadPoolExecutor(1) as hand:
        coming = hand.submit(list, islice(items, 1))
        while got := coming.result():
            coming = hand.submit(list, islice(items, 1))
            yield got[0]


def _each(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]


class Speed(ProgressColumn):
    """Photos a second since the bar began."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.1f}/s" if speed < 100 else f"{speed:,.0f}/s")


def bar(shown: bool = True) -> Progress:
    """Make a bar on stderr: what, how many of how many, how fast, and the time left."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(), TimeRemainingColumn())
    return Progress(*columns, console=Console(stderr=True), disable=not shown, speed_estimate_period=60)


def with_bar(items: Iterable[Item], total: int, what: str, shown: bool = True) -> Generator[Item]:
    """Yield `items`, `total` of them, with a bar that moves as they are taken."""
    with bar(shown) as progress:
        yield from progress.track(items, total=total, description=what)


def passing(items: Sequence[Item], what: str) -> Generator[Item]:
    """Yield `items` with a bar that is gone when they are done, and is on a terminal only: for what may take a moment
    or minutes."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    shown = console.is_terminal and len(items) > 0
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        yield from progress.track(items, description=what)
