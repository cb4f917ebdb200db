"""What a search fixes beside its space, by what kind of data it runs on: one declared profile each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from common.errors import StoreError


@dataclass(frozen=True)
class Profile:
    """Settings that differ from the reference recipe, and how long a search is unless told otherwise.

    Attributes:
        about: why it differs.
        settings: flat key -> value.
        trials, reduction: defaults of --trials and --reduction (of those that reach a rung, one in so many goes on).
        grace, late_grace: defaults of --grace (epochs before ASHA may stop a trial), the later one for spaces that vary
            the schedule.
    """

    name: str
    about: str
    trials: int
    grace: int
    late_grace: int
    reduction: int = 3
    settings: dict[str, Any] = field(default_factory=dict)

    def grace_of(self, keys: Iterable[str]) -> int:
        """The default of --grace for a space that varies these flat keys."""
        return self.late_grace if any(key.startswith("schedule/") for key in keys) else self.grace


KEEP = 10
"""Trials whose weights are kept unless told otherwise: more than an ensemble of four chooses from."""

# On recorded curves (benchmarks/README.md) trials under one schedule can be told apart after a sixth of their length.
# Under different schedules they cannot before some 40% of it, and searches that stop them sooner find less than TPE at
# full length: there the first rung is the first cycle's end.
REFERENCE = Profile(name="reference", about="the reference recipe as it is", trials=50, grace=10, late_grace=20)

SAMPLE = Profile(
    name="sample",
    about="small drawn photos, trained from scratch on CPU cores: Adam instead of SGD, one short cycle",
    trials=5,
    grace=4,
    late_grace=4,
    settings={
        "model/weights": "none",
        "optimizer/name": "adamw",
        "schedule/max_lr": 1e-3,
        "schedule/cycle": 5,
        "schedule/warmup": 1,
        "train/epochs": 5,
        "train/batch_size": 16,
    },
)

PROFILES = {profile.name: profile for profile in (REFERENCE, SAMPLE)}


def for_store(name: str) -> Profile:
    """The profile that a store asks for in its store.json."""
    if name not in PROFILES:
        raise StoreError(f"store.json asks for the profile {name!r}; the known ones are {', '.join(PROFILES)}")
    return PROFILES[name]
