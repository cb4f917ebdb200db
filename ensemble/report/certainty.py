"""How far the probabilities can be trusted, and what is gained where the least sure photos are left to a person."""

from __future__ import annotations

import numpy as np
from plotly import graph_objects as go

from common.page.page import Section
from common.page.parts import Html, chart, in_chart
from ensemble.report.judged import Judged, Votes
from ensemble.report.measures import f1_of_the_surest, reliability

LEAST_SHARE, STEPS = 0.1, 46


def section(judged: Judged) -> Section:
    """Draw calibration, and F1 against the share that is answered."""
    return Section("How sure it is", [_calibration(judged), _share_answered(judged)])


def _calibration(judged: Judged) -> Html:
    figure = go.Figure()
    errors = {}
    for votes in judged.both:
        found = reliability(votes.confidence, votes.guess == judged.truth)
        errors[votes.name] = found.error()
        figure.add_scatter(
            x=found.confidence,
            y=found.accuracy,
            customdata=found.photos,
            marker={"size": 5 + 18 * np.sqrt(found.photos / len(judged.truth))},
            mode="lines+markers",
            name=in_chart(votes.name),
            hovertemplate="photos: %{customdata}, sure by %{x:.2f}, right in %{y:.2f}",
        )
    figure.add_shape(type="line", x0=0, y0=0, x1=1, y1=1, layer="below")
    figure.update_xaxes(title="how sure it was (highest probability)", range=[0, 1.03])
    figure.update_yaxes(title="share that was right", range=[0, 1.05])
    errors_said = ", ".join(f"{name} {error:.3f}" for name, error in errors.items())
    return chart(
        figure,
        "On the dashed line a predictor is as often right as it says; below it, it is too sure. A larger dot is more "
        f"photos. The mean distance from the line (expected calibration error, ECE): {errors_said}.",
        height=400,
    )


def _share_answered(judged: Judged) -> Html:
    shares = np.linspace(LEAST_SHARE, 1, STEPS)
    figure = go.Figure()
    for votes in judged.both:
        figure.add_scatter(
            x=shares, y=_f1(judged, votes, shares), mode="lines", name=in_chart(votes.name),
            hovertemplate="surest %{x:.0%}: %{y:.3f}",
        )  # fmt: skip
    figure.update_xaxes(title="share answered, the surest first", tickformat=".0%", range=[0, 1.02])
    figure.update_yaxes(title="macro F1 of these")
    half, whole = _f1(judged, judged.ensemble, np.array([0.5, 1.0]))
    return chart(
        figure,
        "How well the rest is answered if the least sure photos are left to a person. Of the ensemble: the surest half "
        f"at {half:.3f}, all at {whole:.3f} (macro F1 over the classes that are among them).",
        height=360,
    )


def _f1(judged: Judged, votes: Votes, shares: np.ndarray) -> np.ndarray:
    return f1_of_the_surest(judged.truth, votes.guess, votes.confidence, shares)
