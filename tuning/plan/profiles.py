"""What a search fixes beside its space, by what kind of data it runs on: one declared profile each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from common.errors import StoreError
from common.wording import counted
from trainable.config import FRAME, Crop

if TYPE_CHECKING:  # its imports take a second, for which `tune_main.py --help` should not wait
    from data_prep.store.store import Store


@dataclass(frozen=True)
class Profile:
    """Settings that differ from the reference recipe, and how long a search is unless told otherwise.

    Attributes:
        about: why it differs.
        settings: flat key -> value.
        leads: these settings are tried first, in place of the reference recipe's.
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
    leads: bool = False

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
    about="small drawn photos, trained from scratch on CPU cores: a small network, Adam, one short cycle",
    trials=5,
    grace=4,
    late_grace=4,
    settings={
        "model/arch": "resnet18",
        "model/weights": "none",
        "optimizer/name": "adamw",
        "schedule/max_lr": 1e-3,
        "schedule/cycle": 5,
        "schedule/warmup": 1,
        "train/epochs": 5,
        "train/batch_size": 16,
    },
)

PHOTOS = "photos"
NAMES = (REFERENCE.name, SAMPLE.name, PHOTOS)


def for_store(store: Store, *, gpu: bool, weights: str | None = None) -> Profile:
    """The profile that a store asks for in its store.json.

    Args:
        gpu: trials run on GPUs, and not on CPU cores.
        weights: that trials are asked to start from (--weights); None: ImageNet's, or as the profile has it.
    """
    if store.profile == PHOTOS:
        return for_photos(store.size, store.source_size, len(store.labelled("train")), gpu, weights)
    return named(store.profile)


def named(name: str) -> Profile:
    """The profile of this name, without what depends on a store's photos."""
    known = {REFERENCE.name: REFERENCE, SAMPLE.name: SAMPLE, PHOTOS: for_photos(FRAME, FRAME, 10_000, True, None)}
    if name not in known:
        raise StoreError(f"store.json asks for the profile {name!r}; the known ones are {', '.join(NAMES)}")
    return known[name]


def for_photos(
    size: tuple[int, int], source_size: tuple[int, int], photos: int, gpu: bool, weights: str | None
) -> Profile:
    """What suits photographs of any kind, by how large and how many they are.

    Args:
        size, source_size: (height, width) as stored, and as the photos were.
        photos: to train on.
    """
    recipe = Crop()
    # Upright 3:4 is how the reference task's portraits are framed; of chips of a face nothing is cut away.
    portrait = abs(source_size[1] / source_size[0] - FRAME[1] / FRAME[0]) < 0.02
    height, width = (recipe.height, recipe.width) if portrait else FRAME
    side = max(size[0] * height / FRAME[0], size[1] * width / FRAME[1])
    most = 224 if gpu else 64
    seen = min(side, most)
    scratch = weights == "none"
    # An epoch of few photos says little and costs little: about as many photos are shown whatever there are.
    shown, fewest, longest = (400_000, 20, 60) if gpu else (40_000, 6, 20)
    epochs = min(longest, max(fewest, round(shown / max(1, photos))))
    batch = next(n for n in (128 if seen <= 112 else 64, 32, 16) if n == 16 or photos >= 20 * n)
    settings = {
        "crop/height": height,
        "crop/width": width,
        "crop/resize": round(max(0.1, seen / side), 3),
        "model/arch": "resnet50" if gpu and seen > 112 else "resnet18",
        "optimizer/name": "adamw" if scratch else "sgd",
        "schedule/max_lr": 1e-3 if scratch else 0.01,
        "schedule/cycle": epochs,
        "schedule/warmup": max(1, epochs // 10),
        "train/epochs": epochs,
        "train/batch_size": batch,
    }
    start = "from scratch, by Adam" if scratch else "from ImageNet's weights, by SGD"
    return Profile(
        name=PHOTOS,
        about=f"{counted(photos, 'train photo')} of {size[0]}x{size[1]} on {'GPUs' if gpu else 'CPU cores'}, {start}",
        trials=50 if gpu else 10,
        grace=max(1, round(epochs / 6)),
        late_grace=max(1, round(0.4 * epochs)),
        settings=settings,
        leads=True,
    )
