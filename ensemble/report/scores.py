"""The report's scores: of the whole, of each factor and of each class, and the ensemble against its best member."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from common.page.page import Section
from common.page.parts import Html, chart, paragraph, table
from data_prep.labels import IntArray
from data_prep.task import IN_WORDS
from ensemble.report.charts import dots, height
from ensemble.report.intervals import Intervals, f1_by_class, gain_by_class, macro, macro_gain
from ensemble.report.judged import Judged, Votes


def whole(judged: Judged, about: Mapping[str, Any]) -> Section:
    """Tell the scores of the ensemble and its best member, where they are from, and whether they differ."""
    rows = []
    for votes, key in ((judged.single, "best_single"), (judged.ensemble, "ensemble")):
        score = macro(judged.truth, votes.guess, judged.person)
        on_val = [about[name].get(key) for name in _chosen_by(judged, about)]
        rows.append([votes.name, *on_val, score.value, f"{score.low:.3f} to {score.high:.3f}"])
    columns = ["Macro F1", *_chosen_by(judged, about), judged.split, "95% interval"]
    return Section("Score", [table(columns, rows), paragraph(_explained(judged))])


def factors(judged: Judged) -> Section:
    """Score each factor by itself, and each of its values."""
    names, parts = [], {votes.name: list[Intervals]() for votes in judged.both}
    for factor in judged.task.factors:
        values = judged.task.values(factor, judged.bands)
        truth = judged.factor(factor, judged.ensemble)[0]
        names += [IN_WORDS[factor].upper(), *_counted(values, truth, judged)]
        for votes in judged.both:
            parts[votes.name] += _of_factor(judged, factor, votes, len(values))
    series = {name: Intervals(*map(np.concatenate, zip(*found, strict=True))) for name, found in parts.items()}
    says = (
        "Each dot is an F1 and its line the 95% interval: what chance in the choice of people could have made of it. "
        "A factor's own row is the mean of its values' rows. In brackets: how many people."
    )
    return Section("F1 of each factor", [chart(dots(names, series), says, height(len(names)))])


def _of_factor(judged: Judged, factor: str, votes: Votes, values: int) -> list[Intervals]:
    truth, guess = judged.factor(factor, votes)
    mean = macro(truth, guess, judged.person)
    return [Intervals(*(np.array([end]) for end in mean)), f1_by_class(truth, guess, judged.person, values)]


def classes(judged: Judged) -> Section:
    """Score each class."""
    series = {
        votes.name: f1_by_class(judged.truth, votes.guess, judged.person, judged.task.classes) for votes in judged.both
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
    if np.array_equal(judged.ensemble.guess, judged.single.guess):
        return Section(title, [paragraph("Both say the same of every photo here, so there is nothing to compare.")])
    of_classes = gain_by_class(
        judged.truth, judged.ensemble.guess, judged.single.guess, judged.person, judged.task.classes
    )
    gains = [Intervals(*(np.array([end]) for end in _gain(judged))), of_classes]
    found = Intervals(*map(np.concatenate, zip(*gains, strict=True)))
    figure = dots(["all classes", *judged.class_names()], {"gain": found}, signed=True)
    says = (
        "Right of the dashed line the ensemble is better, left of it its best member. Where an interval crosses the "
        "line, the two are not told apart. Both are judged on the same people."
    )
    return Section(title, [_both_right(judged), chart(figure, says, height(len(found.value)))])


def _gain(judged: Judged) -> tuple[float, float, float]:
    return macro_gain(judged.truth, judged.ensemble.guess, judged.single.guess, judged.person)


def _both_right(judged: Judged) -> Html:
    voted, alone = (votes.guess == judged.truth for votes in judged.both)
    both, only_vote, only_single = (voted & alone).sum(), (voted & ~alone).sum(), (alone & ~voted).sum()
    return paragraph(
        f"Of {len(judged.truth)} photos both are right on {both}, {judged.ensemble.name} alone on {only_vote}, "
        f"{judged.single.name} alone on {only_single}, neither on {(~voted & ~alone).sum()}."
    )


def _counted(names: Sequence[str], codes: IntArray, judged: Judged) -> list[str]:
    """Add to each name how many people have it."""
    return [f"{name} ({len(np.unique(judged.person[codes == code]))})" for code, name in enumerate(names)]


def _explained(judged: Judged) -> str:
    gain = macro_gain(judged.truth, judged.ensemble.guess, judged.single.guess, judged.person)
    told = "not told apart" if gain.low <= 0 <= gain.high else "told apart"
    return (
        f"Macro F1 is the mean of the classes' F1: 1 if every photo is put in its class, about "
        f"{1 / judged.task.classes:.2f} by guessing. On the same people the ensemble's is {gain.signed()} against its "
        f"best member's: {told}."
    )


def _chosen_by(judged: Judged, about: Mapping[str, Any]) -> list[str]:
    """Name the figures of ensemble.json to set beside the score: what chose the members, where test judges them."""
    return [name for name in ("val", "nested") if about.get(name) and name != judged.split]
