"""What a search fixes beside its space, by what kind of data it runs on: one declared profile each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from errors import StoreError


@dataclass(frozen=True)
class Profile:
    """Settings that differ from the reference recipe, and how long a search is unless told otherwise.

    Attributes:
        about: why it differs.
        settings: flat key -> value.
        trials, grace, reduction: defaults of --trials, --grace (epochs before ASHA may stop a trial) and --reduction
            (of the trials that reach a rung, one in so many goes on).
    """

    name: str
    about: str
    trials: int
    grace: int
    reduction: int = 3
    settings: dict[str, Any] = field(default_factory=dict)


KEEP = 10
"""Trials whose weights are kept unless told otherwise: more than an ensemble of four chooses from."""

# Grace: the first cycle's end. On recorded curves trials that are compared before some 40% of their length are compared
# on noise, and searches that stop them find less than full-length TPE (benchmarks/README.md).
REFERENCE = Profile(name="reference", about="the reference recipe as it is", trials=50, grace=20)

SAMPLE = Profile(
    name="sample",
    about="small drawn photos, trained from scratch on CPU cores: Adam instead of SGD, one short cycle",
    trials=5,
    grace=4,
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
