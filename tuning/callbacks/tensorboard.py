"""Each trial's curves under short names, and the HPARAMS tab: what was searched against the best val_f1.

Ray's own logger writes hyperparameters only when a trial ends, with its last metrics, under long names; this one
writes them when it starts, so that a running search can be compared.
"""

from __future__ import annotations

from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import hparams

from data_prep.task import FACTORS
from tuning import ray_internals
from tuning.records.rows import setting

CURVES = (
    "val_f1",
    "val_f1_best",
    *(f"val_f1_{factor}" for factor in FACTORS),
    "val_loss",
    "val_accuracy",
    "train_loss",
    "train_focal",
    "train_smoothing",
    "train_soft_f1",
    "lr",
    "photos_per_s",
)
OBJECTIVE = "val_f1_best"


class TensorBoard(tune.Callback):
    """Writes straight into runs/<search>/<trial>/, the folder that `tensorboard --logdir` is pointed at."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys
        self._writers: dict[str, SummaryWriter] = {}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._writer(trial)

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        writer = self._writer(trial)
        try:
            for name in CURVES:
                if name in result:
                    writer.add_scalar(name, result[name], result["training_iteration"])
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
            experiment, start, _ = hparams(values, {OBJECTIVE: 0.0})
            writer._get_file_writer().add_summary(experiment)
            writer._get_file_writer().add_summary(start)
            writer.flush()
            self._writers[trial.trial_id] = writer
        return self._writers[trial.trial_id]

    def _close(self, trial: Trial, status: int) -> None:
        writer = self._writers.pop(trial.trial_id, None)
        if writer is not None:
            writer._get_file_writer().add_summary(_session_end(status))
            writer.close()


def _session_end(status: int) -> Summary:
    data = HParamsPluginData(session_end_info=SessionEndInfo(status=status))
    about = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=metadata.SESSION_END_INFO_TAG, metadata=about)])
