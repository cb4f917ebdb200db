"""What a search may cost: trials, hours, GPU-hours."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from common.errors import OptionError
from common.wording import counted

MOST = 1_000_000_000
"""Trials or hours, far from which counts lose digits."""


@dataclass(frozen=True)
class Budget:
    """The limits of a search; None is no limit, and whichever is reached first ends it.

    Attributes:
        trials: how many are started.
        hours: of the search's own running time, over all its resumptions.
        gpu_hours: of GPUs held by trials, from the start of their worker on; without a GPU, hours of trials' time.
    """

    trials: int | None = None
    hours: float | None = None
    gpu_hours: float | None = None

    def __post_init__(self) -> None:
        if all(value is None for value in vars(self).values()):
            raise OptionError("--trials, --hours or --gpu-hours: a search needs at least one limit")

    @classmethod
    def of(cls, asked: dict[str, str | None], trials: int) -> Budget:
        """The limits asked for; `trials` where none is.

        Raises:
            OptionError: a number that cannot be read or is not above 0.
        """
        limits = {name: _limit(name, text, None) for name, text in asked.items() if text is not None}
        return cls(**limits) if limits else cls(trials=trials)  # type: ignore[arg-type]

    def extended(self, asked: dict[str, str | None]) -> Budget:
        """The budget with other limits: "+20" is twenty more than before, "70" is seventy in all.

        Raises:
            OptionError: a number that cannot be read, or one more of something that had no limit.
        """
        changes = {name: _limit(name, text, vars(self)[name]) for name, text in asked.items() if text is not None}
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def for_points(self, points: int | None, started: int = 0) -> Budget:
        """The budget of a space of so many points: no more trials, but those that were started before."""
        if points is None or self.trials is None or self.trials <= points:
            return self
        return dataclasses.replace(self, trials=max(started, points))

    def reached(self, spent: Spent) -> str | None:
        """Which time limit has been reached, in words; None while there is time left."""
        if self.hours is not None and spent.hours >= self.hours:
            return counted(self.hours, "hour")
        if self.gpu_hours is not None and spent.gpu_hours >= self.gpu_hours:
            return counted(self.gpu_hours, "GPU-hour")
        return None


@dataclass(frozen=True)
class Spent:
    """Hours of running time, and of GPUs held (of trials' time without a GPU)."""

    hours: float = 0.0
    gpu_hours: float = 0.0


def _limit(name: str, text: str, before: float | None) -> float:
    """ "+20" or "70" -> the new limit; trials are whole."""
    kind = int if name == "trials" else float
    try:
        amount = kind(text.removeprefix("+"))
    except ValueError:
        raise OptionError(f"{_option(name)}: a number is needed, as in 20 or +20, but got {text!r}") from None
    if not amount > 0:  # nor is a NaN
        raise OptionError(f"{_option(name)}: more than 0 is needed, but got {text!r}")
    if amount >= MOST:
        raise OptionError(f"{_option(name)}: less than {MOST:,} is needed, but got {text!r}; leave it out for no limit")
    if not text.startswith("+"):
        return amount
    if before is None:
        raise OptionError(
            f"{_option(name)} {text}: there was no such limit to add to; name the whole, as in {amount:g}"
        )
    return before + amount


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
