"""How many trials a search may start *now*. Ray keeps for ever the number that a search began with."""

from __future__ import annotations

import glob
import sys
from pathlib import Path
from typing import Any

from ray.tune.experiment import Experiment, Trial
from ray.tune.search import ConcurrencyLimiter, SearchGenerator
from ray.tune.search.optuna import OptunaSearch

from common.errors import SearchError
from tuning import ray_internals
from tuning.algorithms import tpe
from tuning.plan.plan import Plan
from tuning.storage.disk import DiskSpace
from tuning.storage.states import RAYS


class Proposals(SearchGenerator):
    """Trials from `searcher`, as many at a time and in all as the `plan` says, each with this `config` beside and these
    `resources`.

    None is begun while there is no `room` on the disk. With `resuming` it refuses to begin anew: where Ray cannot read
    the state of a search, it would say so in a log line and start over in the same folder.

    Attributes:
        saved: how often Ray has written its state.
    """

    def __init__(
        self,
        searcher: OptunaSearch,
        plan: Plan,
        config: dict[str, Any],
        resources: dict[str, float],
        resuming: bool,
        room: DiskSpace,
    ) -> None:
        super().__init__(ConcurrencyLimiter(searcher, max_concurrent=plan.resources.concurrent))
        self._plan, self._tpe, self._config, self._resources = plan, searcher, config, resources
        self._limit, self._resuming, self._room = plan.budget.trials or sys.maxsize, resuming, room
        self._session = ""
        self.saved = 0

    def next_trial(self) -> Trial | None:
        """None while the disk has no room for another one, and when every point of the space was tried."""
        if not self._room.is_enough():
            return None
        varied, trials = self._plan.space.distributions, self._plan.budget.trials
        if not self.is_finished() and not tpe.prefer_untried(self._tpe, varied, trials):
            self._finished = True
        return super().next_trial()

    def add_configurations(self, experiments: Experiment | list[Experiment] | dict[str, dict]) -> None:
        if self._resuming:
            raise SearchError("the state of the search cannot be read, so that it cannot go on; nothing was changed")
        super().add_configurations(experiments)
        ray_internals.allow_trials(self, self._limit)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """A trial of a refit has no score, which Ray would look for."""
        if self._tpe.metric in result:
            super().on_trial_result(trial_id, result)

    def save_to_dir(self, dirpath: str, session_str: str) -> None:
        """Ray names its files by the local time at which the driver began. Others may lie there, of a driver that began
        earlier by a clock that was ahead: these are the ones that it writes."""
        super().save_to_dir(dirpath, session_str)
        self._session, self.saved = session_str, self.saved + 1

    def files(self, folder: Path) -> list[Path]:
        """Ray's three files of this driver in its working folder."""
        return [folder / pattern.replace("*", self._session) for pattern in RAYS]

    def has_checkpoint(self, dirpath: str) -> bool:
        """Ray looks for its files by a pattern, in which a search's name must stand for nothing else."""
        return super().has_checkpoint(glob.escape(dirpath))

    def restore_from_dir(self, dirpath: str) -> None:
        """Ray copies every .json of the search folder to its working folder `dirpath`, and that folder back again and
        again: ours must not be among them, or search.json would stay as it was when the search was resumed."""
        super().restore_from_dir(glob.escape(dirpath))
        for file in Path(dirpath).glob("*.json"):
            if not any(file.match(pattern) for pattern in RAYS):
                file.unlink()

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state({**state, "total_samples": self._limit, "finished": False})
        self.searcher.set_max_concurrency(self._plan.resources.concurrent)
        ray_internals.renew_experiment(self, self._plan.folder, self._config, self._resources)
