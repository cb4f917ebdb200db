"""The moving average of a network's weights over its training, which is evaluated in place of the last weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Ema:
    """It keeps an exponential moving average of all floating-point parameters and buffers (batch normalization's
    statistics too).

    Integer buffers (num_batches_tracked) are counts, of which there is no average: the network's own serve for both.

    Attributes:
        decay: what an average keeps of itself at each update, once there have been enough of them.
        updates: how many there have been.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """The average starts as the network is. `network` must be on its device already: its tensors are looked up
        once, here."""
        self.decay, self.updates = decay, 0
        named: dict[str, Tensor] = {**dict(network.named_parameters()), **dict(network.named_buffers())}
        self._live = {name: tensor for name, tensor in named.items() if tensor.is_floating_point()}
        self._average = {name: tensor.detach().clone() for name, tensor in self._live.items()}

    def update(self) -> None:
        """average += (1 - d) (now - average), after each step of the optimizer; never waits for the device.

        With t updates so far, d = min(decay, (1 + t) / (10 + t)), as in TensorFlow's ExponentialMovingAverage: the
        first weights are soon forgotten.
        """
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        get_ema_multi_avg_fn(decay)(list(self._average.values()), list(self._live.values()), self.updates)
        self.updates += 1

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the network's parameters and buffers are the averaged ones: for evaluation, not for training.

        Nothing is copied: the same parameter objects, those that the optimizer holds, point at other memory for as
        long. A state dict taken inside goes on holding the average when it is over, until the next update.
        """
        own = {name: tensor.data for name, tensor in self._live.items()}
        try:
            self._point_at(self._average)
            yield
        finally:
            self._point_at(own)

    def _point_at(self, values: Mapping[str, Tensor]) -> None:
        for name, tensor in self._live.items():
            tensor.data = values[name]

    def state_dict(self) -> dict[str, Any]:
        """This is all that a resumed average needs, in tensors and an int. The tensors are the live ones."""
        return {"updates": self.updates, "average": dict(self._average)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from `state_dict()` of the same network's average; nothing of `state` is kept or changed."""
        self.updates = state["updates"]
        for name, tensor in self._average.items():
            tensor.copy_(state["average"][name])
