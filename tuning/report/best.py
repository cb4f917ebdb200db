"""How good the best trial is at each factor and each class, from its predictions on val."""

from __future__ import annotations

from collections.abc import Sequence

from common.errors import MasktuneError
from common.page.charts import Intervals, dots, height
from common.page.page import Section
from common.page.parts import chart, paragraph
from common.search_folder import VAL_PREDICTIONS, ValPredictions, read_val_predictions
from data_prep.store.store import Store
from data_prep.task import IN_WORDS
from trainable.recipe.intervals import Score, by_class, by_factor
from tuning.confirm import winners
from tuning.confirm.winners import Winner
from tuning.report.searched import Searched

UNREADABLE = (MasktuneError, OSError, ValueError, KeyError)
"""What is raised where a search's store or predictions are not here."""


def section(search: Searched, several: bool) -> Section:
    """Score the best trial by factor and by class; where its store or its predictions are not here, say so."""
    title = f"The best trial of {search.name}" if several else "The best trial"
    if not search.scored:
        return Section(title, [paragraph("No trial has a score yet.")])
    trial = search.scored[0].trial
    try:
        store, saved = _predicted(search)
    except UNREADABLE as error:
        return Section(title, [paragraph(f"{trial} cannot be looked at more closely from here: {error}.")])
    truth, person = store.classes()[saved.rows], store.person[saved.rows]
    guess = saved.probabilities.argmax(axis=1)
    factors = by_factor(truth, guess, person, store.task)
    scores: dict[str, Score] = {IN_WORDS[factor].upper(): score for factor, score in factors.items()}
    for number, score in enumerate(by_class(truth, guess, person, store.task)):
        scores[store.task.class_name(number, store.bands)] = score
    figure = dots(list(scores), {trial: Intervals.of(scores.values())})
    says = (
        f"F1 of {trial} on val at its best epoch, with 95% intervals: of each factor alone, in capitals, and of each "
        "class. Val chose this epoch and this trial, so that new people will see a little less."
    )
    return Section(title, [chart(figure, says, height(len(scores)))])


def against(searches: Sequence[Searched]) -> Section:
    """Compare the best trial of the first search with that of each other one, on the same val people."""
    title = "Whose best trial is better"
    try:
        first, *others = map(_winner, searches)
        told = [line for other in others for line in winners.compared(first, other).split("\n")]
    except UNREADABLE as error:
        return Section(title, [paragraph(f"They cannot be compared from here: {error}.")])
    says = "These people have also chosen the trials, so that both scores are too high; the more trials, the more."
    return Section(title, [*map(paragraph, dict.fromkeys(told)), paragraph(says)])


def _winner(search: Searched) -> Winner:
    """Raises ValueError: none of its trials has a score. One of UNREADABLE: as for `_predicted`."""
    if not search.scored:
        raise ValueError(f"no trial of {search.name} has a score yet")
    store, saved = _predicted(search)
    cost = f"{search.record.spent.get('gpu_hours', 0.0):.2f} {search.unit}"
    return Winner(search.name, search.scored[0].trial, len(search.rows), cost, store, saved)


def _predicted(search: Searched) -> tuple[Store, ValPredictions]:
    """Read what the best trial predicted for val. Raises one of UNREADABLE: it, or the store, is not here."""
    store = Store.open(search.record.named_store[0])
    saved = read_val_predictions(search.folder / search.scored[0].trial / VAL_PREDICTIONS, store.task.classes)
    if saved.store_hash != store.hash:
        raise ValueError("it is of another store")
    return store, saved
