"""A device with too little memory: a real one where it can be made, else one that is pretended."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

SHARES = (0.6, 0.4, 0.25)
"""Of the memory that work takes in one piece, what it may have: enough for half of it and something over, and less
where that is enough for all of it, since convolutions do with less workspace if they must."""


def short_of_memory(network: nn.Module, device: torch.device, more: float, most: int) -> AbstractContextManager[None]:
    """Inside, this process may take `more` bytes on the GPU beside what it has taken. On a CPU, where nothing limits
    it, the network refuses more than `most` photos as torch would."""
    return _limited(more) if device.type == "cuda" else _refusing(network, most)


def most_taken(work: Callable[[], Any], device: torch.device) -> int:
    """Bytes on the GPU that `work` takes at most, beside what is taken before; on a CPU 0."""
    if device.type != "cuda":
        work()
        return 0
    _empty()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    work()
    return torch.cuda.max_memory_allocated() - before


@contextmanager
def _limited(more: float) -> Iterator[None]:
    """torch's allocator turns requests down as if the GPU were full, whoever asks."""
    _empty()
    total = torch.cuda.mem_get_info()[1]
    try:
        torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_allocated() + more) / total))
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        _empty()


@contextmanager
def _refusing(network: nn.Module, most: int) -> Iterator[None]:
    def refuse(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if len(inputs[0]) > most:
            raise torch.OutOfMemoryError("out of memory, as a proof pretends")

    hook = network.register_forward_pre_hook(refuse)
    try:
        yield
    finally:
        hook.remove()


def _empty() -> None:
    gc.collect()
    torch.cuda.empty_cache()
