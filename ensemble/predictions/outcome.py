"""What an ensemble says: its score on test, which is opened once, and the predictions it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.files import write_text
from common.security import spreadsheet, terminal
from data_prep.store.store import Store
from data_prep.task import IN_WORDS, REFERENCE
from ensemble.selection.choice import Choice
from ensemble.voting.ensemble import Ensemble
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


def score_test(store: Store, choice: Choice, ensemble: Ensemble, opened: int) -> dict[str, Any] | None:
    """Print what the vote is worth on test's people; as ensemble.json keeps it, None without a labelled photo.

    Args:
        opened: how often test has been, this time among them.
    """
    test = store.labelled("test")
    if len(test) == 0:
        terminal.say(
            "No test photo has all labels of the store's task, so nothing says how the vote does on new people."
        )
        return None
    votes = ensemble.predict_rows(store, test)
    single = Score.of(choice.load_single(store).predict_rows(store, test), store, test)
    voted = Score.of(votes, store, test)
    _print_scores(choice, single, voted, len(np.unique(store.person[test])))
    times = "once" if opened == 1 else f"{opened} times: the more often, the less it says of new people"
    terminal.say(f"Test was opened {times}.")
    by_factor = _by_factor(store, test, votes)
    if len(by_factor) > 1:
        scores = ", ".join(f"{IN_WORDS[factor]} {score:.3f}" for factor, score in by_factor.items())
        terminal.say(f"The vote on test, by factor: {scores}\n")
    return {"photos": len(test), "best_single": vars(single), "ensemble": vars(voted), "by_factor": by_factor}


def predict_eval(store: Store, ensemble: Ensemble, out: Path) -> Path | None:
    """Predict the store's eval photos."""
    rows = store.rows("eval")
    return _write_predictions(store, store.index["path"].to_numpy()[rows], ensemble.predict_rows(store, rows), out)


def predict_folder(photos: Path, store: Store, ensemble: Ensemble, out: Path) -> Path | None:
    """Predict the photos of a folder, treated as the store's were."""
    from data_prep.prepare.like import Treatment, prepare_like  # imports rembg, which only new photos need

    names, pixels = prepare_like(Treatment.of_store(store), photos, progress=True)
    return _write_predictions(store, names, ensemble.predict_photos(pixels), out)


def _print_scores(choice: Choice, single: Score, voted: Score, people: int) -> None:
    views = len(choice.views)
    best = f"best single trial, {choice.single.name}"
    name = f"ensemble of {len(choice.members)}, {views} view{'s' if views > 1 else ''}"
    terminal.say(f"\n{'Macro F1':<34}  test   95% interval over {people} test people")
    terminal.say(f"  {best:<32}  {single}")
    terminal.say(f"  {name:<32}  {voted}\n")


def _by_factor(store: Store, rows: np.ndarray, votes: Probabilities) -> dict[str, float]:
    """Score each factor of the task by itself: macro F1 over its values."""
    actual, guess = (store.task.split(classes) for classes in (store.classes()[rows], votes.argmax(axis=1)))
    return {factor: macro_f1(actual[factor], guess[factor]) for factor in actual}


def _write_predictions(
    store: Store, names: Sequence[str] | np.ndarray, probabilities: Probabilities, out: Path
) -> Path | None:
    """Write predictions.csv: ImageID, the photo's name; of the reference task `ans`, its class 0..17; and a column for
    each factor of the task, by name."""
    if len(names) == 0:
        terminal.say("The store has no eval photos to predict; --photos DIR predicts others.")
        return None
    table = pd.DataFrame({"ImageID": names, **_answers(store, probabilities.argmax(axis=1))})
    write_text(out, spreadsheet.safe(table).to_csv(index=False))
    terminal.say(f"{len(table)} photos predicted: {out}")
    return out


def _answers(store: Store, classes: np.ndarray) -> dict[str, np.ndarray]:
    numbers = {"ans": classes} if store.task == REFERENCE else {}
    codes = store.task.split(classes)
    return numbers | {factor: np.array(store.task.values(factor, store.bands))[code] for factor, code in codes.items()}
