"""F1 of people of each age in years: how well the ensemble does near the age bands' ends, and where data is thin."""

from __future__ import annotations

import math

import numpy as np
from plotly import graph_objects as go
from plotly.subplots import make_subplots

from common.page.page import Section
from common.page.parts import Html, chart, paragraph
from common.wording import counted, things
from data_prep.labels import MISSING
from ensemble.report.judged import Judged
from ensemble.report.measures import Years, by_year

GREY = "#8b949e"
"""It is legible on a light and on a dark page: how many people there are is not one more predictor."""

AROUND = 2
"""The line pools so many years on either side: a year alone has few people."""


def section(judged: Judged) -> Section:
    """Draw F1 by year of age, over how many people there are; say so where ages are not known."""
    if (judged.age == MISSING).all():
        return Section("F1 by age", [paragraph("The photos' labels name no ages in years.")])
    return Section("F1 by age", [_chart(judged)])


def _chart(judged: Judged) -> Html:
    alone, pooled = (
        by_year(judged.truth, judged.ensemble.guess, judged.person, judged.age, around) for around in (0, AROUND)
    )
    unknown = len(np.unique(judged.person[judged.age == MISSING]))
    says = (
        "Above: macro F1 of the people of each age, over the classes they have; the line joins five years at a time. "
        "Below: how many people. Dashed: where the next age band begins; just beside it a year decides."
    )
    left_out = (
        f" {counted(unknown, 'person')} whose age in years is not known {things(unknown, 'is', 'are')} left out."
        if unknown
        else ""
    )
    return chart(_figure(judged, alone, pooled), says + left_out, height=420)


def _figure(judged: Judged, alone: Years, pooled: Years) -> go.Figure:
    figure = make_subplots(rows=2, shared_xaxes=True, row_heights=[0.75, 0.25], vertical_spacing=0.06)
    figure.add_scatter(
        x=pooled.age, y=pooled.f1, mode="lines", name="five years together", row=1, col=1,
        hovertemplate="around %{x}: %{y:.3f}",
    )  # fmt: skip
    figure.add_scatter(
        x=alone.age, y=alone.f1, mode="markers", name="one year", row=1, col=1, customdata=alone.photos, opacity=0.7,
        marker={"size": 4 + 3 * np.sqrt(alone.people)}, hovertemplate="%{x} years: %{y:.3f}, photos: %{customdata}",
    )  # fmt: skip
    figure.add_bar(
        x=alone.age, y=alone.people, name="people", showlegend=False, row=2, col=1, marker={"color": GREY},
        hovertemplate="%{x} years, people: %{y}<extra></extra>",
    )  # fmt: skip
    for first in judged.bands if "age" in judged.task.factors else ():
        figure.add_shape(type="line", x0=first - 0.5, x1=first - 0.5, y0=0, y1=1, yref="paper")
    figure.update_yaxes(title="macro F1", range=[0, 1.05], row=1)
    figure.update_yaxes(title="people", rangemode="tozero", dtick=math.ceil(alone.people.max() / 3), row=2)
    return figure.update_xaxes(title="age in years", row=2)
