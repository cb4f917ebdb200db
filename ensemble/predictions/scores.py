"""What an ensemble is worth on people on whom nothing was tuned: macro F1 with intervals, and by factor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from common.security import terminal
from data_prep.store.store import Store
from data_prep.task import IN_WORDS, Task
from ensemble.selection.choice import Choice
from ensemble.voting.tta import views
from trainable.predict import Probabilities
from trainable.recipe.metrics import macro_f1, macro_f1_interval


@dataclass(frozen=True)
class Score:
    """Macro F1 with its 95% interval over people."""

    f1: float
    low: float
    high: float

    @classmethod
    def of(cls, probabilities: Probabilities, store: Store, rows: np.ndarray) -> Score:
        truth, predicted = store.classes()[rows], probabilities.argmax(axis=1)
        return cls(macro_f1(truth, predicted), *macro_f1_interval(truth, predicted, store.person[rows]))

    def __str__(self) -> str:
        return f"{self.f1:.3f}  {self.low:.3f} to {self.high:.3f}"


def score_test(store: Store, choice: Choice, test: np.ndarray, votes: Probabilities) -> dict[str, Any] | None:
    """Print what the votes on the labelled test photos are worth; as ensemble.json keeps it, None without any."""
    if len(test) == 0:
        terminal.say(
            "No test photo has all labels of the store's task, so nothing says how the vote does on new people."
        )
        return None
    single = Score.of(choice.ensemble.members[0].predict_rows(store, test, views(1)), store, test)
    voted = Score.of(votes, store, test)
    _print_scores(choice, single, voted, store.task, len(np.unique(store.person[test])))
    by_factor = _by_factor(store, test, votes)
    if len(by_factor) > 1:
        scores = ", ".join(f"{IN_WORDS[factor]} {score:.3f}" for factor, score in by_factor.items())
        terminal.say(f"The vote on test, by factor: {scores}\n")
    return {"photos": len(test), "best_single": vars(single), "ensemble": vars(voted), "by_factor": by_factor}


def _print_scores(choice: Choice, single: Score, voted: Score, task: Task, people: int) -> None:
    on_val, count = choice.on_val, len(choice.ensemble.views)
    if "vote_with_tta" in on_val:
        used = "used" if count > 1 else "the plain one is used"
        terminal.say(
            f"On val the vote scores {on_val['vote']:.3f}, with several views {on_val['vote_with_tta']:.3f}: {used}"
        )
    best = f"best single trial, {choice.chosen[0].name}"
    name = f"ensemble of {len(choice.chosen)}, {count} view{'s' if count > 1 else ''}"
    terminal.say(
        f"\n{f'Macro F1 over {task.classes} classes':<34}  val    test   95% interval over {people} test people"
    )
    terminal.say(f"  {best:<32}  {on_val['best_single']:.3f}  {single}")
    terminal.say(f"  {name:<32}  {choice.val_f1:.3f}  {voted}\n")


def _by_factor(store: Store, rows: np.ndarray, votes: Probabilities) -> dict[str, float]:
    """Score each factor of the task by itself: macro F1 over its values."""
    actual, guess = (store.task.split(classes) for classes in (store.classes()[rows], votes.argmax(axis=1)))
    return {factor: macro_f1(actual[factor], guess[factor]) for factor in actual}
