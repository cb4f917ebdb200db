"""What was mistaken for what: confusion matrices, and the worst mistakes as pictures."""

from __future__ import annotations

from collections.abc import Sequence

from common.page.charts import heat_map
from common.page.page import Section
from common.page.parts import Html, chart, paragraph, picture, pictures, side_by_side, table
from data_prep.labels import IntArray
from data_prep.task import IN_WORDS
from ensemble.report.judged import Judged
from trainable.recipe.mistakes import confusion, surest_mistakes

MOST = 24
"""Pictures: a page's worth, and some 150 KB."""


def matrices(judged: Judged) -> Section:
    """Draw a confusion matrix of each factor, and of all classes where there is more than one factor."""
    of_factors = [_of_factor(judged, factor) for factor in judged.task.factors]
    if len(of_factors) == 1:
        return Section("What is taken for what", of_factors)
    says = (
        "All classes: figures are photos; a field is the fuller in colour, the larger its share of its row. On the "
        "diagonal the ensemble is right. A row without colour is a class that no photo has here."
    )
    of_classes = _matrix(judged.truth, judged.ensemble.guess, judged.class_names(), says)
    return Section("What is taken for what", [side_by_side(of_factors), of_classes])


def _of_factor(judged: Judged, factor: str) -> Html:
    truth, (guess, _) = judged.factor(factor)
    says = f"The {IN_WORDS[factor]}: each row is what was true, each column what the ensemble said."
    return _matrix(truth, guess, judged.task.values(factor, judged.bands), says)


def _matrix(truth: IntArray, guess: IntArray, names: Sequence[str], says: str) -> Html:
    figure = heat_map(confusion(truth, guess, len(names)), names)
    return chart(
        figure, says, height=max(280, 170 + 28 * len(names)), least_width=44 * len(names) if len(names) > 3 else 0
    )


def worst(judged: Judged) -> Section:
    """Show the photos on which the ensemble was surest and wrong."""
    votes = judged.ensemble
    found = surest_mistakes(judged.truth, votes.guess, votes.confidence, judged.person, MOST)
    if len(found) == 0:
        return Section("The worst mistakes", [paragraph("There is none: every photo is put in its class.")])
    names = judged.class_names()
    captions = [
        [
            str(judged.names[at]),
            f"is {names[judged.truth[at]]}",
            f"taken for {names[votes.guess[at]]}, {votes.confidence[at]:.2f}",
        ]
        for at in found
    ]
    says = paragraph(
        "The wrong answers that the ensemble was surest of, one a person, with their probability. Look at the labels "
        "too: some of these photos may be labelled wrongly."
    )
    return Section("The worst mistakes", [says, _shown(judged, found, captions)])


def _shown(judged: Judged, found: IntArray, captions: Sequence[Sequence[str]]) -> Html:
    if judged.pixels is None:
        return table(["photo", "true class", "the ensemble's answer"], captions)
    photos = judged.pixels(found)
    return pictures(
        picture(pixels, str(judged.names[at]), caption)
        for pixels, at, caption in zip(photos, found, captions, strict=True)
    )
