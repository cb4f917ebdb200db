"""Which trials go on: asynchronous successive halving (Li et al. 2020, https://arxiv.org/abs/1810.05934)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import AsyncHyperBandScheduler

from tuning import ray_internals
from tuning.records.results import reported

Rungs = Mapping[str, Iterable[tuple[int, float]]]


class Asha(AsyncHyperBandScheduler):
    """ASHA on val_f1 by epoch, one bracket, with rungs that survive a restart.

    Ray saves no scheduler state. A resumed search hands every known trial to `on_trial_add`, and the rungs are filled
    again with what the search's state says that it had on them.

    `stop_last_trials=False`: otherwise a trial resumed at epoch 30 would enter that late score into every rung
    below it, and a fresh trial would be stopped for not having it. Trials end by the run's own stop condition.

    A scheduler also says which trial is to have a worker that is free (`choose_trial_to_run`).
    """

    def __init__(self, epochs: int, grace: int, reduction: int, rungs: Rungs | None = None) -> None:
        """`rungs`: what trials had on them, by Ray's IDs; None: their result.json says what they had reported."""
        self._before = rungs
        super().__init__(
            time_attr="training_iteration",
            metric="val_f1",
            mode="max",
            max_t=epochs,
            grace_period=grace,
            reduction_factor=reduction,
            brackets=1,
            stop_last_trials=False,
        )

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        super().on_trial_add(tune_controller, trial)
        before = _reported(trial) if self._before is None else self._before.get(trial.trial_id, ())
        for epoch, value in before:
            ray_internals.enter_rungs(self, trial, epoch, value)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """The first that waits for a worker, rather than one whose own is starting.

        Ray would take the first of both, stop the worker that is starting, and start one for the next: while trials end
        sooner than a worker starts, a machine that joined late, or lost its worker, would not train.
        """
        pending = [trial for trial in tune_controller.get_trials() if trial.status == Trial.PENDING]
        waiting = (trial for trial in pending if not ray_internals.is_starting(tune_controller, trial))
        return next(waiting, pending[0] if pending else None)


def _reported(trial: Trial) -> Iterator[tuple[int, float]]:
    """(epoch, val_f1) of what a restored trial had reported, up to the epoch that its snapshot knows."""
    known = (trial.last_result or {}).get("training_iteration", 0)
    for result in reported(ray_internals.folder_of(trial)) if known else ():
        if "val_f1" in result and result.get("training_iteration", known + 1) <= known:
            yield result["training_iteration"], result["val_f1"]
