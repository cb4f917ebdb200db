"""Each trial's curves in groups, and the HPARAMS tab: what was searched against the best val F1.

Ray's own logger writes hyperparameters only when a trial ends, with its last metrics, under long names; this one
writes them when it starts, so that a running search can be compared.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ray import tune
from ray.tune.experiment import Trial
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, summary_v2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from tensorboard.plugins.scalar.summary_v2 import scalar_pb
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import custom_scalars

from data_prep.task import FACTORS, IN_WORDS
from tuning import ray_internals
from tuning.records.rows import setting


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
    "system/minutes": Curve("time_total_s", "minutes in the trial's epochs so far, training and validation", 1 / 60),
}
"""By their tags. TensorBoard sorts groups by name: F1 comes first."""

METRICS = {"f1/val_best": "best F1", "f1/val": "last F1", "system/minutes": "minutes"}
"""What the HPARAMS tab compares, and its name there."""

LAYOUT = {
    "masktune": {
        "macro F1": ["Multiline", [r"f1/(val|mask|gender|age)$"]],
        "loss in training and on val": ["Multiline", [r"loss/(train|val)$"]],
        "parts of the loss": ["Multiline", [r"loss/train_"]],
    }
}
"""The charts of the tab CUSTOM SCALARS, by the tags that each shows."""


class TensorBoard(tune.Callback):
    """Writes straight into runs/<search>/<trial>/, the folder that `tensorboard --logdir` is pointed at."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._columns = summary_v2.hparams_config_pb(
            hparams=[summary_v2.HParam(key) for key in keys],
            metrics=[summary_v2.Metric(tag, display_name=name) for tag, name in METRICS.items()],
        )
        self._layout = custom_scalars(LAYOUT)
        self._writers: dict[str, SummaryWriter] = {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._writer(trial)

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        writer = self._writer(trial)
        try:
            for tag, curve in CURVES.items():
                if curve.metric in result:
                    summary = scalar_pb(tag, result[curve.metric] * curve.scale, curve.about)
                    _add(writer, summary, result["training_iteration"])
            writer.flush()
        except OSError:  # its thread has ended with the error: whoever tries again needs another writer
            del self._writers[trial.trial_id]
            raise

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        diverged = "diverged" in (trial.last_result or {})
        self._close(trial, api_pb2.STATUS_FAILURE if diverged else api_pb2.STATUS_SUCCESS)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._close(trial, api_pb2.STATUS_FAILURE)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _writer(self, trial: Trial) -> SummaryWriter:
        """The trial's writer; a new one (at its start, or after a resume) first says what the trial's settings are.

        A resumed trial repeats at most one epoch: purge_step hides what it had written of it.
        """
        if trial.trial_id not in self._writers:
            done = (trial.last_result or {}).get("training_iteration", 0)
            writer = SummaryWriter(str(ray_internals.folder_of(trial)), purge_step=done + 1 if done else None)
            values = {key: setting(trial.config, key) for key in self._keys}
            _add(writer, self._columns)
            _add(writer, summary_v2.hparams_pb(values, trial_id=_title(trial, values)))
            _add(writer, self._layout)
            writer.flush()
            self._writers[trial.trial_id] = writer
        return self._writers[trial.trial_id]

    def _close(self, trial: Trial, status: int) -> None:
        writer = self._writers.pop(trial.trial_id, None)
        if writer is not None:
            _add(writer, _session_end(status))
            writer.close()


def _session_end(status: int) -> Summary:
    data = HParamsPluginData(session_end_info=SessionEndInfo(status=status))
    about = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about)])


def _add(writer: SummaryWriter, summary: Summary, step: int | None = None) -> None:
    writer._get_file_writer().add_summary(summary, step)


def _title(trial: Trial, values: dict[str, Any]) -> str:
    """ "003 29/58/0/0": what tells the trial from others in the narrow first column of HPARAMS."""
    told = (f"{value:.3g}" if isinstance(value, float) else str(value) for value in values.values())
    return f"{str(trial).removeprefix('trial-')} {'/'.join(told)}"
