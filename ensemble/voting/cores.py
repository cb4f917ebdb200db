"""The cores of a CPU, each of which sees photos of its own.

torch shares out every layer: whatever its threads compute, all wait for the slowest of them some hundred times a batch,
and turn in circles meanwhile. Where other programs run as well, that takes a multiple of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

Work = Callable[[Tensor], Tensor]


@contextmanager
def on_all_cores(work: Work) -> Iterator[Work]:
    """Give the same work on [n, ...], done by as many threads as torch has here, of which each does a part of n."""
    threads = torch.get_num_threads()
    if threads == 1:
        yield work
        return

    def begin() -> None:
        torch.get_num_threads()  # before the first question a thread has no number of its own that could be set
        torch.set_num_threads(1)

    with ThreadPoolExecutor(threads, "core", begin) as pool:
        try:
            yield lambda items: torch.cat(list(pool.map(work, items.tensor_split(min(threads, len(items))))))
        finally:
            torch.set_num_threads(threads)  # what threads of others begin with from now on
