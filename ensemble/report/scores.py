"""The report's scores: of the whole, of each factor and of each class, and the ensemble against its best member."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from common.page.charts import Intervals, dots, height
from common.page.page import Section
from common.page.parts import Html, chart, paragraph, table
from common.wording import counted
from data_prep.labels import IntArray
from data_prep.task import IN_WORDS, Task
from ensemble.report.intervals import gains
from ensemble.report.judged import Judged
from trainable.recipe.intervals import Score, by_class, paired_difference


def whole(judged: Judged) -> Section:
    """Tell what the ensemble and its best member score, and whether they differ."""
    found = [Score.of(judged.truth, votes.guess, judged.person, judged.task) for votes in judged.both]
    rows = [
        [votes.name, score.f1, f"{score.low:.3f} to {score.high:.3f}", score.note]
        for votes, score in zip(judged.both, found, strict=True)
    ]
    columns = ["", f"macro F1 on {judged.split}", "95% interval", ""]
    return Section("Score", [table(columns, rows), _explained(judged)])


def _explained(judged: Judged) -> Html:
    gain = paired_difference(judged.truth, judged.single.guess, judged.ensemble.guess, judged.person, judged.task)
    return paragraph(
        f"Macro F1 is the mean of the classes' F1: 1 if every photo is put in its class, about "
        f"{1 / judged.task.classes:.2f} by guessing. The interval says what other people of the same kind could have "
        f"made of it. The ensemble against its best member, on the same people: {gain}."
    )


def factors(judged: Judged) -> Section:
    """Score each factor by itself, and each of its values."""
    names: list[str] = []
    found: dict[str, list[Score]] = {votes.name: [] for votes in judged.both}
    for factor in judged.task.factors:
        truth, guesses = judged.factor(factor)
        alone = Task((factor,), judged.task.masks)
        names += [IN_WORDS[factor].upper(), *_counted(judged.task.values(factor, judged.bands), truth, judged)]
        for votes, guess in zip(judged.both, guesses, strict=True):
            mean = Score.of(truth, guess, judged.person, alone)
            found[votes.name] += [mean, *by_class(truth, guess, judged.person, alone)]
    series = {name: Intervals.of(scores) for name, scores in found.items()}
    says = (
        "Each dot is an F1 and its line the 95% interval. A factor's own row, in capitals, is the mean of the rows of "
        "its values. In brackets: how many people."
    )
    return Section("F1 of each factor", [chart(dots(names, series), says, height(len(names)))])


def classes(judged: Judged) -> Section:
    """Score each class."""
    series = {
        votes.name: Intervals.of(by_class(judged.truth, votes.guess, judged.person, judged.task))
        for votes in judged.both
    }
    names = _counted(judged.class_names(), judged.truth, judged)
    says = (
        "Each dot is the F1 of a class, each line its 95% interval. In brackets: how many people the class has here; "
        "where they are few, a figure says little."
    )
    return Section("F1 of each class", [chart(dots(names, series), says, height(len(names)))])


def paired(judged: Judged) -> Section:
    """Compare the ensemble with its best member on the same photos."""
    title = f"Ensemble against {judged.single.name}"
    voted, alone = (votes.guess for votes in judged.both)
    if np.array_equal(voted, alone):
        return Section(title, [paragraph("Both say the same of every photo here, so there is nothing to compare.")])
    says = (
        "Right of the line at 0 the ensemble is better, left of it its best member. Where an interval crosses the "
        "line, the two are not told apart. Both are judged on the same people."
    )
    names = ["ALL CLASSES", *judged.class_names()]
    gained = gains(judged.truth, voted, alone, judged.person, judged.task)
    figure = dots(names, {"gain in F1": gained}, signed=True)
    return Section(title, [_both_right(judged), chart(figure, says, height(len(names)))])


def _both_right(judged: Judged) -> Html:
    voted, alone = (votes.guess == judged.truth for votes in judged.both)
    both, only_vote, only_single = (voted & alone).sum(), (voted & ~alone).sum(), (alone & ~voted).sum()
    return paragraph(
        f"Of {counted(len(judged.truth), 'photo')} both are right on {both}, the ensemble alone on {only_vote}, "
        f"{judged.single.name} alone on {only_single}, neither on {(~voted & ~alone).sum()}."
    )


def _counted(names: Sequence[str], codes: IntArray, judged: Judged) -> list[str]:
    """Add to each name how many people have it."""
    return [f"{name} ({len(np.unique(judged.person[codes == code]))})" for code, name in enumerate(names)]
