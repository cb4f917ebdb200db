"""Which of a trial's results are curves, what they are called, and which of them share a chart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.scalar.summary_v2 import scalar_pb

from data_prep.task import FACTORS, IN_WORDS


class Curve(NamedTuple):
    """A curve of each trial.

    Attributes:
        metric: in a trial's results.
        about: what it is, for the (i) beside it.
        scale: what its numbers are multiplied by.
    """

    metric: str
    about: str
    scale: float = 1.0


CURVES = {
    "f1/val": Curve("val_f1", "macro F1 on val, over the classes of the task"),
    "f1/val_best": Curve("val_f1_best", "the highest macro F1 on val so far: what the leaderboard ranks by"),
    **{
        f"f1/{factor}": Curve(f"val_f1_{factor}", f"macro F1 on val, over the values of the {IN_WORDS[factor]} alone")
        for factor in FACTORS
    },
    "f1/val_accuracy": Curve("val_accuracy", "share of the val photos whose class is right; the score is macro F1"),
    "loss/train": Curve("train_loss", "what is trained on: the weighted sum of the three below, mean over the photos"),
    "loss/train_focal": Curve("train_focal", "focal loss"),
    "loss/train_smoothing": Curve("train_smoothing", "cross-entropy with smoothed labels"),
    "loss/train_soft_f1": Curve("train_soft_f1", "1 - soft F1"),
    "loss/val": Curve("val_loss", "cross-entropy on val"),
    "optimizer/lr": Curve("lr", "learning rate of the epoch's last step"),
    "system/photos_per_s": Curve("photos_per_s", "photos a second while training"),
    "system/gpu_memory_gb": Curve("gpu_memory_gb", "the most of the GPU's memory that an epoch's tensors took, GB"),
    "system/epochs": Curve("training_iteration", "epochs done so far"),
    "system/minutes": Curve("time_total_s", "minutes in the trial's epochs so far, training and validation", 1 / 60),
}
"""By their tags. TensorBoard sorts groups by name: F1 comes first."""

_POINTS = {tag: scalar_pb(tag, 0.0, curve.about).value[0] for tag, curve in CURVES.items()}
"""Each curve's point, to be copied: to make one takes twenty times as long."""

METRICS = {
    "f1/val_best": "best F1",
    "f1/val": "last F1",
    "system/epochs": "epochs",  # fewer than the others' tell who was stopped, which is a success to TensorBoard
    "system/minutes": "minutes",
}
"""What the HPARAMS tab compares, and its name there."""

LAYOUT = {
    "masktune": {
        "macro F1": ["Multiline", [r"f1/(val|mask|gender|age)$"]],
        "loss in training and on val": ["Multiline", [r"loss/(train|val)$"]],
        "parts of the loss": ["Multiline", [r"loss/train_"]],
        "learning rate": ["Multiline", [r"optimizer/lr$"]],
        "photos a second": ["Multiline", [r"system/photos_per_s$"]],
    }
}
"""The charts of the tab CUSTOM SCALARS, by the tags that each shows."""


def epoch(result: Mapping[str, Any], described: set[str]) -> Summary:
    """Make the points of all curves that a trial's result has.

    Args:
        described: tags of curves of which the file says already what they are; those that it comes to say are added.
    """
    summary = Summary()
    for tag, curve in CURVES.items():
        if curve.metric in result:
            point = summary.value.add()
            point.CopyFrom(_POINTS[tag])
            point.tensor.float_val[0] = result[curve.metric] * curve.scale
            if tag in described:
                point.ClearField("metadata")
            described.add(tag)
    return summary
