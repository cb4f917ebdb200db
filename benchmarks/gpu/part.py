"""What the check is made of: parts, what they run on, and what they find.

It imports neither torch nor pandas by itself: the processes that draw, and --help, start without them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from data_prep.store.store import Store
    from trainable.config import TrialConfig
    from trainable.loop import Trial


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        name: what was looked at.
        said: what was found, in words and figures, for people.
        right: False is a FAULT, True is OK; None is a figure that nothing rests on.
        values: the figures by name, for programs: numbers, text, lists of them.
        headline: a clause for the verdict's line ("a ResNet50 trial makes 1,000 photos/s"); mostly none.
    """

    name: str
    said: str
    right: bool | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    headline: str = ""

    def __post_init__(self) -> None:
        if self.right is not None:  # NumPy's and torch's False are not False
            object.__setattr__(self, "right", bool(self.right))


@dataclass(frozen=True)
class Setting:
    """What a part runs on, and how much of it.

    Attributes:
        device: "cuda" or "cpu", as `trainable.device.choose` takes it.
        path: of the store, in which drawn portraits are, or a user's photos.
        arch, batch, crop: of a trial, the crop in source pixels.
        steps: of a training whose loss must fall.
        trials: that one process runs one after the other, to see whether its memory grows.
        rounds: of a measurement, at most.
        seconds: that the part may take; a measurement takes fewer rounds for it.
    """

    device: str
    path: Path
    arch: str
    batch: int
    crop: int
    steps: int
    trials: int
    rounds: int
    seconds: float = 60.0

    @cached_property
    def store(self) -> Store:
        from data_prep.store.store import Store

        return Store.open(self.path)

    def config(self, **more: Any) -> TrialConfig:
        """What a search on this store would train from scratch; `more` is by flat key and wins."""
        from benchmarks import subject

        return subject.config_for(
            self.store,
            self.arch,
            **{
                "train/batch_size": self.batch,
                "crop/height": self.crop,
                "crop/width": self.crop,
                "schedule/warmup": 0,  # the first epoch of a warm-up hardly moves the weights
                **more,
            },
        )

    def trial(self, photos: int | None = None, *, compile: bool = False, **more: Any) -> Trial:
        """A trial with a workbench of its own, on `photos` of the train photos and all of val."""
        import torch

        from benchmarks import subject
        from trainable import device

        config = self.config(**more)
        chosen = device.choose(self.device, torch.are_deterministic_algorithms_enabled())
        return subject.trial_on(config, subject.few(self.store, photos, config), chosen, compile)


@dataclass(frozen=True)
class Part:
    """One piece of work, done in a process that others may have used before it.

    Attributes:
        name: short, for the command line and the table.
        about: what it does, a sentence without a full stop.
        seconds: that it takes on one H100 with 16 cores, process start included.
        run: yields what it finds, as it finds it. An exception is a FAULT of the part.
        cores: it gets a process of its own that has just these many CPU cores.
        environment: it gets a process of its own with these variables.
    """

    name: str
    about: str
    seconds: float
    run: Callable[[Setting], Iterator[Finding]]
    cores: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
