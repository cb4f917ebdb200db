"""Each trial's curves in groups, its pictures, and the HPARAMS tab: what was searched against the best val F1.

Ray's own logger writes hyperparameters only when a trial ends, with its last metrics, under long names; this one
writes them when it starts, so that a running search can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ray import tune
from ray.tune.experiment import Trial
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import api_pb2, metadata, summary_v2
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo
from torch.utils.tensorboard import SummaryWriter
from torch.utils.tensorboard.summary import custom_scalars

from tuning import ray_internals
from tuning.callbacks.tensorboard.curves import LAYOUT, METRICS, epoch
from tuning.callbacks.tensorboard.pictures import Drawn, Pictures
from tuning.records.rows import setting


class Coming(NamedTuple):
    """Pictures of a trial that are being drawn.

    Attributes:
        step: the epoch that they are shown at. The last ones are shown at the trial's last epoch, which a trial that
            goes on has yet to do: so none is there twice.
        last: whether nothing of the trial follows them.
    """

    trial: Trial
    step: int
    drawn: Drawn
    last: bool


class Open(NamedTuple):
    """A trial's event file; what its curves are is said in it once, for the (i) beside each.

    Attributes:
        described: the tags of the curves of which it is said.
    """

    writer: SummaryWriter
    described: set[str]


class TensorBoard(tune.Callback):
    """Writes straight into runs/<search>/<trial>/, the folder that `tensorboard --logdir` is pointed at."""

    def __init__(self, keys: list[str], pictures: Pictures) -> None:
        self._keys, self._pictures = keys, pictures
        self._columns = summary_v2.hparams_config_pb(
            hparams=[summary_v2.HParam(key) for key in keys],
            metrics=[summary_v2.Metric(tag, display_name=name) for tag, name in METRICS.items()],
        )
        self._layout = custom_scalars(LAYOUT)
        self._open: dict[str, Open] = {}
        self._coming: list[Coming] = []

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        is_new = trial.trial_id not in self._open and not _epochs(trial)
        with self._writing(trial):
            pass
        if is_new:
            self._coming.append(Coming(trial, 1, self._pictures.first_batch(trial), last=False))

    def on_trial_result(self, iteration: int, trials: list[Trial], trial: Trial, result: dict, **info: Any) -> None:
        with self._writing(trial) as file:  # one event for all of it: a fifteenth of what TensorBoard has to read
            _add(file.writer, epoch(result, file.described), result["training_iteration"])

    def on_step_end(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        self._show([each for each in self._coming if each.drawn.done()])

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        result = trial.last_result or {}
        status = api_pb2.STATUS_FAILURE if "diverged" in result else api_pb2.STATUS_SUCCESS
        self._end(trial, status, for_good=bool(result.get("done")))  # others go on with the search

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._end(trial, api_pb2.STATUS_FAILURE, for_good=True)

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self._show(list(self._coming))
        self._pictures.close()
        for file in self._open.values():
            file.writer.close()
        self._open.clear()

    def _end(self, trial: Trial, status: int, for_good: bool) -> None:
        if trial.trial_id not in self._open:
            return
        with self._writing(trial) as file:
            _add(file.writer, _session_end(status))
        if for_good:
            self._coming.append(Coming(trial, _epochs(trial), self._pictures.best(trial), last=True))
        else:
            self._show([each for each in self._coming if each.trial is trial])
            self._close(trial)

    def _show(self, coming: list[Coming]) -> None:
        """Write what has been drawn, and wait for what has not."""
        for each in coming:
            with self._writing(each.trial) as file:
                for summary in each.drawn.result():
                    _add(file.writer, summary, each.step)
            self._coming.remove(each)
            if each.last:
                self._close(each.trial)

    def _close(self, trial: Trial) -> None:
        self._open.pop(trial.trial_id).writer.close()

    @contextmanager
    def _writing(self, trial: Trial) -> Iterator[Open]:
        """Within, the trial's file; then what it was given is in it."""
        file = self._file(trial)
        try:
            yield file
            file.writer.flush()
        except OSError:  # its thread has ended with the error: whoever tries again needs another writer
            del self._open[trial.trial_id]
            raise

    def _file(self, trial: Trial) -> Open:
        """The trial's file; a new one (at its start, or after a resume) first says what the trial's settings are.

        A resumed trial repeats at most one epoch: purge_step hides what it had written of it.
        """
        if trial.trial_id not in self._open:
            writer = SummaryWriter(str(ray_internals.folder_of(trial)), purge_step=_epochs(trial) + 1)
            values = {key: setting(trial.config, key) for key in self._keys}
            _add(writer, self._columns)
            _add(writer, summary_v2.hparams_pb(values, trial_id=_title(trial, values)))
            _add(writer, self._layout)
            writer.flush()
            self._open[trial.trial_id] = Open(writer, set())
        return self._open[trial.trial_id]


def _epochs(trial: Trial) -> int:
    return int((trial.last_result or {}).get("training_iteration", 0))


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
