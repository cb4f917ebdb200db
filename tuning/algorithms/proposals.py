"""How many trials a search may start *now*. Ray keeps for ever the number that a search began with."""

from __future__ import annotations

import glob
import sys
from collections.abc import Mapping
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

RAYS = ("experiment_state-", "search_gen_state-")


class Proposals(SearchGenerator):
    """Trials from `searcher`, as many at a time and in all, and where, as `plan` says; `arguments` are tune.run's.

    None is begun while there is no `room` on the disk. With `resuming` it refuses to begin anew: where Ray cannot read
    the state of a search, it would say so in a log line and start over in the same folder.
    """

    def __init__(
        self, searcher: OptunaSearch, plan: Plan, arguments: Mapping[str, Any], resuming: bool, room: DiskSpace
    ) -> None:
        self._concurrent, self._trials = plan.resources.concurrent, plan.budget.trials
        super().__init__(ConcurrencyLimiter(searcher, max_concurrent=self._concurrent))
        self._folder, self._config, self._resources = plan.folder, arguments["config"], arguments["resources_per_trial"]
        self._tpe, self._distributions = searcher, plan.space.distributions
        self._resuming, self._room = resuming, room

    def next_trial(self) -> Trial | None:
        """None while the disk has no room for another one, and when every point of the space was tried."""
        if not self._room.is_enough():
            return None
        if not self.is_finished() and not tpe.prefer_untried(self._tpe, self._distributions, self._trials):
            self._finished = True
        return super().next_trial()

    def add_configurations(self, experiments: Experiment | list[Experiment] | dict[str, dict]) -> None:
        if self._resuming:
            raise SearchError("the state of the search cannot be read, so that it cannot go on; nothing was changed")
        super().add_configurations(experiments)
        ray_internals.allow_trials(self, self._trials or sys.maxsize)

    def has_checkpoint(self, dirpath: str) -> bool:
        """Ray looks for its files by a pattern, in which a search's name must stand for nothing else."""
        return super().has_checkpoint(glob.escape(dirpath))

    def restore_from_dir(self, dirpath: str) -> None:
        """Ray copies every .json of the search folder to its working folder `dirpath`, and that folder back again and
        again: ours must not be among them, or search.json would stay as it was when the search was resumed."""
        super().restore_from_dir(glob.escape(dirpath))
        for file in Path(dirpath).glob("*.json"):
            if not file.name.startswith(RAYS):
                file.unlink()

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state({**state, "total_samples": self._trials or sys.maxsize, "finished": False})
        self.searcher.set_max_concurrency(self._concurrent)
        ray_internals.renew_experiment(self, self._folder, self._config, self._resources)
