"""Everything that decides how one trial trains, as frozen dataclasses that check themselves when built.

The defaults are the reference recipe. A search space speaks of the same fields by flat keys:

    TrialConfig.from_flat({"loss/focal_weight": 0.5, "schedule/max_lr": 0.02})
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from common.command_line import did_you_mean
from common.errors import ConfigError, OptionError
from data_prep.labels import MISSING, IntArray, band_of_range
from trainable.archs import ARCHS

OPTIMIZERS = ("sgd", "adamw")


def _check(holds: bool, name: str, rule: str, value: object) -> None:
    if not holds:
        raise ConfigError(f"{name}: {rule} must hold, but got {value!r}")


@dataclass(frozen=True)
class Labels:
    """The age bands a trial *trains* on; it is judged on the store's official ones.

    Attributes:
        young_below: first age (years) of the middle band.
        old_from: first age (years) of the old band.
        young_gap: years left out of training from `young_below` upwards.
        old_gap: years left out of training from `old_from` downwards.

    Both gaps are taken from the middle band, which has people to spare: a gap that reached past `old_from`
    would leave out every old person of a dataset whose oldest are exactly 60.
    """

    young_below: int = 30
    old_from: int = 60
    young_gap: int = 0
    old_gap: int = 0

    def __post_init__(self) -> None:
        _check(self.young_below >= 1, "labels/young_below", "young_below >= 1", self.young_below)
        _check(self.young_gap >= 0, "labels/young_gap", "young_gap >= 0", self.young_gap)
        _check(self.old_gap >= 0, "labels/old_gap", "old_gap >= 0", self.old_gap)
        _check(
            self.young_below + self.young_gap < self.old_from - self.old_gap,
            "labels",
            "young_below + young_gap < old_from - old_gap",
            dataclasses.asdict(self),
        )

    def bands(self, age_min: IntArray, age_max: IntArray) -> IntArray:
        """Ages in years, from lowest to highest -> the band to train on, MISSING for people who are left out.

        An age that is known as a range is left out where a threshold lies within the range, or a gap touches it.
        """
        near_young = (self.young_below <= age_max) & (age_min < self.young_below + self.young_gap)
        near_old = (self.old_from - self.old_gap <= age_max) & (age_min < self.old_from)
        thresholds = (self.young_below, self.old_from)
        return np.where(near_young | near_old, MISSING, band_of_range(age_min, age_max, thresholds))


FRAME = (512, 384)
"""(height, width), in pixels, of the frame in which a crop is told: the reference task's photos."""


@dataclass(frozen=True)
class Crop:
    """The centre crop, told as if every photo were of 512x384 pixels: it is that share of a photo of any size.

    The recipe's 360x360 is the middle 360/512 of a photo's height and 360/384 of its width; 512x384 is all of it.

    Attributes:
        resize: both sides of the crop are multiplied by it before the network sees them; 0.62 makes 224 of 360.
    """

    height: int = 360
    width: int = 360
    resize: float = 1.0

    def __post_init__(self) -> None:
        for name, value, most in zip(("height", "width"), (self.height, self.width), FRAME, strict=True):
            _check(32 <= value <= most, f"crop/{name}", f"32 <= {name} <= {most} (all of a photo)", value)
        _check(0.1 <= self.resize <= 4, "crop/resize", "0.1 <= resize <= 4", self.resize)


def check_frame(saved: Mapping[str, Any], source_size: tuple[int, int], what: str) -> None:
    """Raise a ConfigError where the crop that was saved is not what it would be taken for now.

    Before version 0.5 a crop was told in pixels of the store's own photos, which is the same for photos of 512x384.

    Args:
        saved: says "crop_frame" since.
    """
    if "crop_frame" not in saved and tuple(source_size) != FRAME:
        raise ConfigError(
            f"{what} tells its crop in pixels of photos of {source_size[0]}x{source_size[1]}, as masktune did before "
            "0.5; finish it with that version, or start a new search"
        )


@dataclass(frozen=True)
class Augment:
    """Training does this to a photo, each as torchvision means it: RandomHorizontalFlip, RandomRotation, ColorJitter.

    Attributes:
        erasing: probability that a rectangle of a photo is erased (RandomErasing).
        cutmix: probability that a rectangle of a photo comes from another one of the batch (CutMix).
        halves: probability that its left or right half comes from another one, instead of a rectangle.
    """

    flip: float = 0.5
    rotation: float = 15.0
    brightness: float = 0.1
    contrast: float = 0.1
    saturation: float = 0.1
    hue: float = 0.1
    erasing: float = 0.0
    cutmix: float = 0.0
    halves: float = 0.0

    def __post_init__(self) -> None:
        _check(0 <= self.flip <= 1, "augment/flip", "0 <= flip <= 1", self.flip)
        _check(0 <= self.rotation <= 180, "augment/rotation", "0 <= rotation <= 180", self.rotation)
        for name in ("brightness", "contrast", "saturation"):
            _check(0 <= getattr(self, name) <= 1, f"augment/{name}", f"0 <= {name} <= 1", getattr(self, name))
        _check(0 <= self.hue <= 0.5, "augment/hue", "0 <= hue <= 0.5", self.hue)
        for name in ("erasing", "cutmix", "halves"):
            _check(0 <= getattr(self, name) <= 1, f"augment/{name}", f"0 <= {name} <= 1", getattr(self, name))
        both = (self.cutmix, self.halves)
        _check(sum(both) <= 1, "augment", "cutmix + halves <= 1", both)


@dataclass(frozen=True)
class Loss:
    """The loss is a weighted sum of focal loss, label smoothing and soft F1; each has parameters of its own."""

    focal_weight: float = 1.0
    smoothing_weight: float = 1.0
    f1_weight: float = 1.0
    focal_gamma: float = 2.0
    smoothing: float = 0.02

    def __post_init__(self) -> None:
        weights = (self.focal_weight, self.smoothing_weight, self.f1_weight)
        for name in ("focal_weight", "smoothing_weight", "f1_weight", "focal_gamma"):
            _check(getattr(self, name) >= 0, f"loss/{name}", f"{name} >= 0", getattr(self, name))
        _check(sum(weights) > 0, "loss", "focal_weight + smoothing_weight + f1_weight > 0", weights)
        _check(0 <= self.smoothing < 1, "loss/smoothing", "0 <= smoothing < 1", self.smoothing)


@dataclass(frozen=True)
class Schedule:
    """The learning rate goes by cosine warm restarts whose peak decays. Lengths are in epochs."""

    max_lr: float = 0.01
    min_lr: float = 1e-5
    cycle: int = 20
    multiplier: float = 1.0
    warmup: int = 5
    decay: float = 0.5

    def __post_init__(self) -> None:
        _check(
            0 <= self.min_lr <= self.max_lr,
            "schedule",
            "0 <= min_lr <= max_lr",
            (self.min_lr, self.max_lr),
        )
        _check(self.max_lr > 0, "schedule/max_lr", "max_lr > 0", self.max_lr)
        _check(
            0 <= self.warmup < self.cycle,
            "schedule",
            "0 <= warmup < cycle",
            (self.warmup, self.cycle),
        )
        _check(self.multiplier >= 1, "schedule/multiplier", "multiplier >= 1", self.multiplier)
        _check(0 < self.decay <= 1, "schedule/decay", "0 < decay <= 1", self.decay)


@dataclass(frozen=True)
class Optimizer:
    name: str = "sgd"
    weight_decay: float = 5e-4
    momentum: float = 0.9

    def __post_init__(self) -> None:
        _check(self.name in OPTIMIZERS, "optimizer/name", f"name in {OPTIMIZERS}", self.name)
        _check(self.weight_decay >= 0, "optimizer/weight_decay", "weight_decay >= 0", self.weight_decay)
        _check(0 <= self.momentum < 1, "optimizer/momentum", "0 <= momentum < 1", self.momentum)


NO_WEIGHTS = "none"
"""Of a network that is trained from scratch."""

NO_FILE = ("imagenet", NO_WEIGHTS)
"""Weights that are no file of the user's."""


@dataclass(frozen=True)
class Model:
    """`weights` is "imagenet", "none", or the path of a .safetensors or .pt file of weights."""

    arch: str = "resnet50"
    weights: str = "imagenet"

    def __post_init__(self) -> None:
        _check(self.arch in ARCHS, "model/arch", f"arch in {tuple(ARCHS)}", self.arch)
        is_file = Path(self.weights).suffix in (".safetensors", ".pt", ".pth")
        _check(
            self.weights in NO_FILE or is_file,
            "model/weights",
            "weights is imagenet, none, or a .safetensors, .pt or .pth file",
            self.weights,
        )


@dataclass(frozen=True)
class Train:
    """These settings say how long a trial trains, in what batches and on whom.

    Attributes:
        seed: decides initial weights, order and augmentation.
        balance: 0 shows every photo once an epoch; above 0 photos are drawn with replacement, each in proportion to
            its class's size to the power of -balance, so that 1 shows all classes equally often.
        ema: decay per step of the moving average of the weights that is validated and kept; 0 is no average.
        folds: into how many folds the store's train and val people are split anew; 0 keeps its own train and val.
        fold: the one that is validated on; the trial trains on the others (`Store.with_folds`).
        refit: 1 trains on train and val together (`Store.with_val_in_train`), where nobody is left to judge the trial
            by, so that its last epoch's weights are kept.
    """

    epochs: int = 60
    batch_size: int = 64
    seed: int = 42
    balance: float = 0.0
    ema: float = 0.0
    folds: int = 0
    fold: int = 0
    refit: int = 0

    def __post_init__(self) -> None:
        _check(self.epochs >= 1, "train/epochs", "epochs >= 1", self.epochs)
        _check(self.batch_size >= 2, "train/batch_size", "batch_size >= 2", self.batch_size)
        _check(self.seed >= 0, "train/seed", "seed >= 0", self.seed)
        _check(0 <= self.balance <= 1, "train/balance", "0 <= balance <= 1", self.balance)
        _check(0 <= self.ema < 1, "train/ema", "0 <= ema < 1", self.ema)
        _check(self.folds == 0 or self.folds >= 2, "train/folds", "folds = 0 or folds >= 2", self.folds)
        _check(0 <= self.fold < max(1, self.folds), "train/fold", "0 <= fold < max(1, folds)", (self.fold, self.folds))
        _check(self.refit in (0, 1), "train/refit", "refit = 0 or refit = 1", self.refit)
        both = (self.refit, self.folds)
        _check(0 in both, "train/refit", "refit = 0 or folds = 0", both)


@dataclass(frozen=True)
class TrialConfig:
    """It decides all of one trial. Groups are the part of a flat key before the slash, fields the part after it."""

    labels: Labels = field(default_factory=Labels)
    crop: Crop = field(default_factory=Crop)
    augment: Augment = field(default_factory=Augment)
    loss: Loss = field(default_factory=Loss)
    schedule: Schedule = field(default_factory=Schedule)
    optimizer: Optimizer = field(default_factory=Optimizer)
    model: Model = field(default_factory=Model)
    train: Train = field(default_factory=Train)

    @classmethod
    def from_flat(cls, flat: Mapping[str, Any]) -> TrialConfig:
        """Build from flat keys; what is not named keeps the reference recipe's value.

        Raises:
            ConfigError: a key that no field has, a value of the wrong type, or one that breaks a rule.
        """
        types = flat_types()
        groups: dict[str, dict[str, Any]] = {group.name: {} for group in fields(cls)}
        for key, value in flat.items():
            if key not in types:
                known = did_you_mean(key, types) or f"the settings are {', '.join(types)}"
                raise ConfigError(f"{key}: no such setting; {known}")
            group, name = key.split("/")
            groups[group][name] = _as_type(key, value, types[key])
        return cls(**{name: _group_type(name)(**values) for name, values in groups.items()})

    def to_flat(self) -> dict[str, Any]:
        """The inverse of from_flat: every setting of the trial by its flat key."""
        return {
            f"{group}/{name}": value
            for group, values in dataclasses.asdict(self).items()
            for name, value in values.items()
        }


@functools.cache
def flat_types() -> dict[str, type]:
    """Map every flat key to the type of its value (int, float or str)."""
    return {key: type(value) for key, value in TrialConfig().to_flat().items()}


def parse_setting(text: str) -> tuple[str, Any]:
    """ "loss/smoothing=0.1" of the command line's --set -> ("loss/smoothing", 0.1).

    Raises:
        OptionError: no "=", no such setting, or a value of another type than the setting's.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise OptionError(f"--set: KEY=VALUE is needed, but got {text!r}")
    known = flat_types()
    if key not in known:
        raise OptionError(f"--set {key}: no such setting; {did_you_mean(key, known) or 'trainable/config.py has all'}")
    kind = known[key]
    try:
        return key, kind(value)
    except ValueError:
        raise OptionError(f"--set {key}: a value of type {kind.__name__} is needed, but got {value!r}") from None


@functools.cache
def _group_type(name: str) -> Any:
    return type(getattr(TrialConfig(), name))


def _as_type(key: str, value: Any, wanted: type) -> Any:
    """NumPy scalars and whole floats become the field's own type; nothing is rounded."""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, bool) or (wanted is str) != isinstance(plain, str):
        raise ConfigError(f"{key}: a value of type {wanted.__name__} is needed, but got {value!r}")
    try:
        if wanted is int and plain != int(plain):
            raise ConfigError(f"{key}: a whole number is needed, but got {value!r}")
        return wanted(plain)
    except ConfigError:
        raise
    except (TypeError, ValueError, OverflowError):
        raise ConfigError(f"{key}: a value of type {wanted.__name__} is needed, but got {value!r}") from None
