"""What an ensemble says: its score on test, which is opened once, and the predictions it writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from common.files import write_json, write_text
from common.search_folder import ENSEMBLE
from common.security import spreadsheet, terminal
from data_prep.store.store import Store
from data_prep.task import IN_WORDS, REFERENCE, Task
from ensemble.selection.choice import Choice
from ensemble.voting.ensemble import Ensemble
from ensemble.voting.tta import views
from trainable.predict import Probabilities
from trainable.recipe.intervals import Difference, Score, paired_difference
from trainable.recipe.metrics import macro_f1


def open_test(search: Path, store: Store, choice: Choice, out: Path) -> Path | None:
    """Score the vote on test, predict the store's eval photos, and keep both in ensemble.json."""
    test, unlabelled = store.labelled("test"), store.rows("eval")
    votes = choice.ensemble.predict_rows(store, np.concatenate([test, unlabelled]))
    on_test = _score_test(search, store, choice, test, votes[: len(test)])
    made = _write_predictions(store, store.index["path"].to_numpy()[unlabelled], votes[len(test) :], out)
    write_json(search / ENSEMBLE, _about(store, choice, on_test, made))
    return made


def _score_test(
    search: Path, store: Store, choice: Choice, test: np.ndarray, votes: Probabilities
) -> dict[str, Any] | None:
    """Print what the votes on the labelled test photos are worth; as ensemble.json keeps it, None without any."""
    if len(test) == 0:
        terminal.say(
            "No test photo has all labels of the store's task, so nothing says how the vote does on new people."
        )
        return None
    truth, person, vote = store.classes()[test], store.person[test], votes.argmax(axis=1)
    alone = choice.ensemble.members[0].predict_rows(store, test, views(1)).argmax(axis=1)
    single, voted = (Score.of(truth, predicted, person, store.task) for predicted in (alone, vote))
    gain = paired_difference(truth, alone, vote, person, store.task)
    _warn_if_opened_before(search)
    _print_scores(choice, single, voted, gain, store.task, len(np.unique(person)))
    by_factor = _by_factor(store, test, votes)
    if len(by_factor) > 1:
        scores = ", ".join(f"{IN_WORDS[factor]} {score:.3f}" for factor, score in by_factor.items())
        terminal.say(f"The vote on test, by factor: {scores}\n")
    scores_of = {
        "best_single": vars(single),
        "ensemble": vars(voted),
        "gain": {**vars(gain), "told_apart": gain.told_apart},
    }
    return {"photos": len(test), **scores_of, "by_factor": by_factor}


def predict_folder(photos: Path, store: Store, ensemble: Ensemble, out: Path) -> Path | None:
    """Predict the photos of a folder, treated as the store's were."""
    from data_prep.prepare.like import Treatment, prepare_like  # imports rembg, which only new photos need

    names, pixels = prepare_like(Treatment.of_store(store), photos, progress=True)
    return _write_predictions(store, names, ensemble.predict_photos(pixels), out)


def _print_scores(choice: Choice, single: Score, voted: Score, gain: Difference, task: Task, people: int) -> None:
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
    terminal.say(f"  {name:<32}  {choice.val_f1:.3f}  {voted}")
    if len(choice.chosen) > 1 or count > 1:
        terminal.say(f"  {'what the ensemble gains':<32}         {gain}")
    if voted.note:
        terminal.say(f"  {voted.note}: the interval allows for it")
    terminal.say("")


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


def _warn_if_opened_before(search: Path) -> None:
    if (search / ENSEMBLE).exists():
        terminal.say("Test was opened before for this search: choose on val, or test stops being a test.")


def _about(store: Store, choice: Choice, on_test: dict[str, Any] | None, out: Path | None) -> dict[str, Any]:
    return {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "store_hash": store.hash,
        "members": [{"trial": member.name, "val_f1": member.val_f1} for member in choice.chosen],
        "views": [vars(view) for view in choice.ensemble.views],
        "val": choice.on_val,
        "test": on_test,
        "predictions": out and str(out),
    }
