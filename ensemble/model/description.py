"""model.json: all that a model which has left its search says of itself, beside its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from common.errors import ModelError, OptionError
from common.security.archives import is_plain
from data_prep.prepare.like import Treatment
from data_prep.store import rules
from data_prep.task import Task
from ensemble.predictions.predictor import Meaning
from ensemble.voting.vote import Rule
from trainable.photos.preprocessing import Preprocessing
from trainable.photos.views import View

MODEL, CARD = "model.json", "README.md"

FORMAT = 1
"""Of the folder: one that a program of this version cannot read has a higher one."""


@dataclass(frozen=True)
class MemberFiles:
    """It is a member of the vote, as the folder keeps it.

    Attributes:
        name: of its trial.
        weights: its .safetensors files, as `trainable.best` writes them; the probabilities of several are averaged.
        preprocessing: that of the trial's validation.
        config: of the trial, for people: the weights' files have it too, and theirs is used.
        onnx: the same member for other programs: "file", and how far it was found from PyTorch.
    """

    name: str
    weights: tuple[str, ...]
    preprocessing: Preprocessing
    config: Mapping[str, Any] = field(default_factory=dict)
    onnx: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Description:
    """It is what model.json holds.

    Attributes:
        task, bands: what the classes are.
        treatment: what is done to a photo first.
        rule, views: how the members vote.
        trained_on: the store's hash, profile and counts.
        figures: what ensemble.json said of the model when it was taken away.
        versions: of the packages that it was made with.
        made: when, ISO 8601 in UTC.
        files: SHA-256 of each file that predicts, by name.
    """

    task: Task
    bands: tuple[int, int]
    treatment: Treatment
    members: tuple[MemberFiles, ...]
    rule: Rule
    views: tuple[View, ...]
    trained_on: Mapping[str, Any]
    figures: Mapping[str, Any]
    versions: Mapping[str, str]
    made: str
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        _check(self.members and self.views, "members and views: one or more are needed")
        _check(len(self.rule.weights) == len(self.members), "rule: one weight a member is needed")
        classes = self.rule.class_weights
        _check(classes is None or len(classes) == self.task.classes, "rule: one weight a class is needed")
        for name in (*self.files, *self.weights):
            _check(is_plain(name), f"files: plain names are needed, but one is {str(name)[:80]!r}")
        for name in self.weights:
            _check(rules.is_sha256(self.files.get(name)), f"files: the SHA-256 of {name} is needed")
        for member in self.members:
            _check(bool(member.weights), f"members: files of weights are needed, but {member.name} has none")
            _check_preprocessing(member.preprocessing, self.treatment.size)

    @property
    def meaning(self) -> Meaning:
        """This is what the classes are."""
        return Meaning(self.task, self.bands)

    @property
    def weights(self) -> list[str]:
        """List the files that it cannot do without."""
        return [name for member in self.members for name in member.weights]

    def with_views(self, tta: int | None) -> Description:
        """Show each photo in the first `tta` of the views only; None: in all.

        Raises:
            ModelError: there are fewer.
        """
        if tta is not None and not 1 <= tta <= len(self.views):
            raise ModelError(f"--tta: 1 to {len(self.views)} views, as the model has, are needed, but got {tta}")
        return replace(self, views=self.views[:tta])

    def to_json(self) -> dict[str, Any]:
        """model.json, in the order of its keys."""
        return {
            "format": FORMAT,
            "made": self.made,
            "task": self.task.to_json(),
            "bands": list(self.bands),
            "classes": self.meaning.class_names,
            "treatment": {key: value for key, value in vars(self.treatment).items() if key != "of"},
            "views": [view.name for view in self.views],
            "rule": vars(self.rule),
            "members": [{**vars(each), "preprocessing": vars(each.preprocessing)} for each in self.members],
            "trained_on": self.trained_on,
            "figures": self.figures,
            "versions": self.versions,
            "files": self.files,
        }

    @classmethod
    def from_json(cls, about: Any, where: str) -> Description:
        """The inverse of `to_json`, for what may be anybody's.

        Args:
            where: the model, as a person named it.

        Raises:
            ModelError: a later version wrote it, or no version of this program.
        """
        version = about.get("format") if isinstance(about, dict) else None
        if type(version) is not int or version < 1:
            raise ModelError(
                f"{where}: its {MODEL} is none that python -m ensemble.export writes; export the model anew"
            )
        if version > FORMAT:
            raise ModelError(
                f"{where}: format {version} of a later masktune, and this one reads up to {FORMAT}; update this one"
            )
        try:
            return cls(**_read(about, where))
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError, OptionError) as error:
            why = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else " ".join(str(error).split())
            raise ModelError(f"{where}: its {MODEL} is damaged ({why[:200]}); export it anew") from None


def _read(about: Mapping[str, Any], where: str) -> dict[str, Any]:
    treatment = about["treatment"]
    if fault := rules.broken({"task": about["task"], "bands": about["bands"], **treatment}):
        raise ValueError(fault)
    rule: Any = {name: value if value is None else _numbers(value) for name, value in about["rule"].items()}
    return {
        "task": Task.from_json(about["task"]),
        "bands": tuple(about["bands"]),
        "treatment": Treatment(**{**treatment, "size": tuple(treatment["size"]), "of": where}),
        "members": tuple(map(_member, about["members"])),
        "rule": Rule(**rule),
        "views": tuple(map(View.named, about["views"])),
        **{name: dict(about[name]) for name in ("trained_on", "figures", "versions", "files")},
        "made": str(about["made"]),
    }


def _member(about: Mapping[str, Any]) -> MemberFiles:
    how = about["preprocessing"]
    if fault := rules.broken({"size": how["crop"], "mean": how["mean"], "std": how["std"]}) or rules.broken(how):
        raise ValueError(f"preprocessing: {fault}")
    preprocessing = Preprocessing(**{name: tuple(value) for name, value in how.items()})
    return MemberFiles(**{**about, "weights": tuple(about["weights"]), "preprocessing": preprocessing})


def _check_preprocessing(how: Preprocessing, size: Sequence[int]) -> None:
    _check(all(crop <= side for crop, side in zip(how.crop, size, strict=True)), "crop: at most the photo is needed")
    # What `config.Crop` allows: a resize of 4, to at least 8 pixels. More would only take memory.
    _check(all(side <= max(8, 4 * crop) for side, crop in zip(how.size, how.crop, strict=True)), "size: too large")


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    numbers = tuple(map(float, values))
    _check(all(map(math.isfinite, numbers)), "rule: numbers are needed")
    return numbers


def _check(holds: object, needed: str) -> None:
    if not holds:
        raise ValueError(needed)
