"""torch.compile, where it can help and only as long as it works."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from trainable.device import AMPERE, is_out_of_memory

Say = Callable[[str], None]


SHAPES = 8
"""A function is compiled for so many (torch._dynamo.config.recompile_limit); for more Dynamo runs it uncompiled,
without a word."""


class Compiled:
    """It runs a network's compiled forward pass in training. Batches of another size than a trial's first (the last one
    of an epoch) run uncompiled, so that nothing is compiled for them; so does everything after compiling has failed."""

    def __init__(self, network: nn.Module, say: Say) -> None:
        torch._dynamo.reset()  # what another network was compiled to would count as well
        self._network, self._say = network, say
        self._fast: Callable[[Tensor], Tensor] | None = torch.compile(network, dynamic=False)
        self._shape: torch.Size | None = None
        self._known: set[torch.Size] = set()

    def restart(self) -> None:
        """Another trial begins, perhaps with batches of another shape; what was compiled for the same one is kept."""
        self._shape = None

    def __call__(self, images: Tensor) -> Tensor:
        if self._fast is None or self._shape not in (None, images.shape):
            return self._eager(images)
        if self._shape == images.shape:
            return self._fast(images)
        return self._compile(self._fast, images)

    def _compile(self, fast: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
        """Compile, by a first call."""
        if images.shape not in self._known and len(self._known) == SHAPES:
            self._say(f"torch.compile: what was compiled for {SHAPES} shapes is dropped for new ones")
            torch._dynamo.reset()
            self._known.clear()
        try:
            logits = fast(images)
        # Dynamo, Inductor, Triton and the C++ compiler each fail with errors of their own.
        except Exception as error:
            if is_out_of_memory(error):
                raise
            reason = " ".join(str(error).split())[:120] or type(error).__name__
            self._say(f"torch.compile failed, going on without it: {reason}")
            self._fast = None
            return self._eager(images)
        self._shape = images.shape
        self._known.add(images.shape)
        return logits

    def _eager(self, images: Tensor) -> Tensor:
        logits: Tensor = self._network(images)
        return logits


def why_not(device: torch.device) -> str | None:
    """Say in words why torch.compile is left out on this device; None where it can be tried."""
    if device.type == "cpu":
        return "on a CPU it takes a minute and a half and gains nothing"  # docs/gpu.md
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < AMPERE:
        return "Triton, which it needs, has dropped older GPUs; sm_80 is the first it is used on"
    return None
