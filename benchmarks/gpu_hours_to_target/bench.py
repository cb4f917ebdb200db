"""Ways to search that are compared on recorded curves, and what they share."""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import optuna
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search.optuna import OptunaSearch

from benchmarks.measure import Floats
from tuning.algorithms import tpe as study
from tuning.algorithms.asha import Asha
from tuning.plan.spaces import Space
from tuning.replay.curves import Curve, Nearest
from tuning.replay.simulation import COMPLETE, Searched, simulate

RANDOM, TPE = "random", "TPE"


class ByBest(Asha):
    """ASHA that compares the best val_f1 so far instead of the last one."""

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        return str(super().on_trial_result(tune_controller, trial, {**result, "val_f1": result["val_f1_best"]}))


@dataclass(frozen=True)
class Method:
    """A search.

    Attributes:
        grace, reduction: of ASHA; grace None stops nothing.
        by_best: ASHA compares the best val_f1 so far, not the last.
        sampler: TPE or RANDOM.
        options: of Optuna's TPESampler, where they differ from the shipped ones.
        start: whether the space's starting points are tried first.
        told: what Optuna hears of a stopped trial, COMPLETE or PRUNED.
    """

    name: str
    grace: int | None = None
    reduction: int = 3
    by_best: bool = False
    sampler: str = TPE
    options: dict[str, Any] = field(default_factory=dict)
    start: bool = True
    told: str = COMPLETE

    def scheduler(self, epochs: int) -> TrialScheduler:
        if self.grace is None:
            return FIFOScheduler()
        return (ByBest if self.by_best else Asha)(epochs, self.grace, self.reduction)

    def searcher(self, space: Space, seed: int) -> OptunaSearch:
        """The shipped one, with another sampler where that is what the method is about."""
        found = study.searcher(space if self.start else dataclasses.replace(space, start=[]), seed, self.name)
        if self.sampler == RANDOM:
            found._ot_study.sampler = optuna.samplers.RandomSampler(seed)
        elif self.options:
            shipped = {"multivariate": True, "constant_liar": True}
            found._ot_study.sampler = optuna.samplers.TPESampler(seed=seed, **{**shipped, **self.options})
        return found


@dataclass(frozen=True)
class Bench:
    """What all methods share.

    Attributes:
        epochs: of a full-length trial.
        budget: epochs of all trials of a search together.
        second: hours an epoch costs, in seconds.
        share: of the curves, drawn anew for each seed and the same for all methods.
    """

    curves: tuple[Curve, ...]
    space: Space
    epochs: int
    budget: int
    second: float
    slots: int
    seeds: int
    share: float
    once: bool

    def hours(self, epochs: float) -> float:
        return epochs * self.second / 3600

    def run(self, method: Method) -> Floats:
        """F1 found after each epoch, [seeds, budget]; a progress line on stderr."""
        began = time.perf_counter()
        found = np.array([self._run(method, seed) for seed in range(self.seeds)])
        seconds = time.perf_counter() - began
        print(f"{method.name}: {self.seeds} seeds in {seconds:.0f} s", file=sys.stderr, flush=True)
        return found

    def _run(self, method: Method, seed: int) -> list[float]:
        nearest = Nearest(self._table(seed), self.space, once=self.once)
        proposer = Searched(method.searcher(self.space, seed), nearest, self.space.distributions, method.told)
        replay = simulate(proposer, method.scheduler(self.epochs), self.epochs, self.slots, self.budget)
        return [moment.best for moment in replay.history]

    def _table(self, seed: int) -> list[Curve]:
        n = math.ceil(self.share * len(self.curves))
        return [self.curves[i] for i in np.random.default_rng((seed, 1)).permutation(len(self.curves))[:n]]
