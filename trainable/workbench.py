"""What a process keeps from one trial to the next: device, photos on it, the network and its compiled code."""

from __future__ import annotations

import ctypes
import gc

import torch
from torch import Tensor, nn

from data_prep.store.store import Store
from data_prep.task import REFERENCE
from trainable.config import Model
from trainable.device import free_cache
from trainable.network import model
from trainable.network.compiled import Compiled, Say, why_not
from trainable.network.step import Forward
from trainable.photos import augment, feed
from trainable.photos.feed import Feed


class Workbench:
    """It serves one trial at a time: the next one's weights replace the last one's in the same network.

    Attributes:
        device: where trials run.
        say: hears a line about every choice that is made for a trial.
    """

    def __init__(self, device: torch.device, *, compile: bool = False, say: Say = lambda line: None) -> None:
        """`compile`: use torch.compile, if the device can."""
        self.device, self.say = device, say
        self._compile = compile
        self._feed: Feed | None = None
        self._made_for: tuple[str, int] | None = None
        self._network: nn.Module | None = None
        self._compiled: Compiled | None = None
        self._first_weights: dict[str, Tensor] = {}
        self._drawn_for: tuple[Model, int] | None = None

    def clear(self) -> None:
        """Give back to the system, between two trials, what the last one held and nothing else refers to."""
        gc.collect()
        free_cache(self.device)
        _trim_heap()

    def feed(self, store: Store) -> Feed:
        """Bring the store's photos on their way to the device; another store's make room first."""
        if self._feed is None or self._feed.store.hash != store.hash:
            self._feed = None
            self._feed = feed.choose(store, self.device, self.say)
            if reason := augment.why_operators(self.device):
                self.say(f"augmentation by torch's operators: {reason}")
        return self._feed

    def network(self, config: Model, seed: int, classes: int = REFERENCE.classes) -> nn.Module:
        """Give a network the first weights of a trial, on the device; the last trial's network if it is of this arch
        and has an output for each of these classes.

        Raises:
            WeightsError: the weights are not to be had.
        """
        if self._network is None or self._made_for != (config.arch, classes):
            self._network = self._compiled = None  # its memory makes room first
            self._network = model.place(model.build(config, classes, seed), self.device)
            self._made_for = config.arch, classes
            self._remember(config, seed, self._network)
            return self._network
        if self._drawn_for != (config, seed):
            self._remember(config, seed, model.build(config, classes, seed))
        self._network.load_state_dict(self._first_weights)
        self._network.zero_grad(set_to_none=True)
        return self._network

    def _remember(self, config: Model, seed: int, fresh: nn.Module) -> None:
        """Most trials of a search begin with the same weights: to draw them takes longer than to copy them."""
        weights = {name: value.detach().to("cpu", copy=True) for name, value in fresh.state_dict().items()}
        self._first_weights, self._drawn_for = weights, (config, seed)

    def forward(self, network: nn.Module) -> Forward:
        """Choose what runs in training: the network itself, or its compiled code."""
        if not self._compile:
            return network
        if reason := why_not(self.device):
            self.say(f"torch.compile is left out: {reason}")
            return network
        if self._compiled is None or network is not self._network:
            self._compiled = Compiled(network, self.say)
        self._compiled.restart()
        return self._compiled


def _trim_heap() -> None:
    """glibc keeps what was freed, and a process would seem to grow with its first trials. Other libraries of C have no
    such call and need none."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
